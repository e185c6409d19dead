import type { CompareDocument, CompareRow, CompareTask } from '../../../main/contract/compare.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { differenceScale, inkOn } from '../../charts/color-scales.ts';
import { csvDocument } from '../../figures/csv.ts';
import type { CsvValue, Figure } from '../../figures/csv.ts';
import { escapeXml, svgDocument } from '../../figures/svg-document.ts';
import { differenceText, formatFactor } from '../../format/format-number.ts';
import { methodTitle } from '../../plan/methods.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { goodness, placeText, rankInterval, rankText, readingMark, referenceTitle, scaleOf } from './compare-words.ts';

interface CompareFigure {
  readonly manifest: RunManifest;
  readonly comparison: CompareDocument;
  readonly title: (task: string) => string;
  readonly theme: ResolvedTheme;
}

/** Columns of a saved comparison, named as `uncurl figures` names them. */
const COLUMNS = [
  ...[
    'model',
    'factor_asked',
    'task',
    'metric',
    'n',
    'rank',
    'shares_best',
    'method',
    'draws',
    'factor',
    'kept',
    'value',
    'lowest',
    'highest',
  ],
  ...['reference', 'difference', 'low', 'high', 'p', 'p_holm', 'lost', 'gained', 'reading'],
];

const csvRow = ({ model, factor }: CompareDocument, task: CompareTask, row: CompareRow): readonly CsvValue[] => [
  ...[
    model,
    factor,
    task.task,
    task.metric,
    task.n,
    row.place,
    row.sharesBest,
    row.method,
    Math.max(1, row.seeds.length),
    row.factor,
    row.kept,
  ],
  ...[
    row.value,
    row.lowest,
    row.highest,
    task.reference,
    row.paired?.difference ?? null,
    row.paired?.low ?? null,
    row.paired?.high ?? null,
  ],
  ...[row.paired?.p ?? null, row.pHolm, row.paired?.lost ?? null, row.paired?.gained ?? null, row.reading ?? ''],
];

const GAP = 24;
const HEAD = 66;
const NAMES = 130;
const CELL = { width: 104, height: 24 } as const;
const LINE = 16;
const COLUMN_NAME = 16;

/** "REAP + recovery" in two lines where it is too long for its column. */
const headLines = (name: string): readonly string[] => {
  if (name.length <= COLUMN_NAME) return [name];
  const cut = name.lastIndexOf(' ', COLUMN_NAME);
  return cut <= 0 ? [name] : [name.slice(0, cut), name.slice(cut + 1)];
};

/** The matrix of the view as a picture, and every number behind it. */
export const compareFigure = ({ manifest, comparison, title, theme }: CompareFigure): Figure => {
  const { overview, tasks, model, factor, reference, notes, findings } = comparison;
  const ink = theme === 'dark' ? '#e6e8eb' : '#1b1d20';
  const left = GAP + NAMES;
  const text = (x: number, y: number, content: string, attributes = ''): string =>
    `<text x="${x}" y="${y}" fill="${ink}" ${attributes}>${escapeXml(content)}</text>`;
  const top = HEAD + 2 * LINE + 6;
  const middle = (column: number): number => left + (column + 0.5) * CELL.width;
  const heads = overview.flatMap(({ method }, column) =>
    headLines(methodTitle(method)).map((line, index) =>
      text(middle(column), HEAD + index * LINE, line, 'text-anchor="middle" font-weight="bold"'),
    ),
  );
  const summary = [
    text(GAP, top + 16, 'mean rank'),
    ...overview.map((one, column) =>
      text(middle(column), top + 16, `${rankText(one)} ${rankInterval(one)}`, 'text-anchor="middle" font-size="11"'),
    ),
    text(GAP, top + CELL.height + 16, 'best, or ='),
    ...overview.map((one, column) =>
      text(middle(column), top + CELL.height + 16, `${one.sharesBest} of ${one.tasks}`, 'text-anchor="middle"'),
    ),
  ];
  const cellsTop = top + 2 * CELL.height + 6;
  const cells = tasks.flatMap((task, line) => {
    const y = cellsTop + line * CELL.height;
    const scale = differenceScale(scaleOf(comparison, task), theme);
    return [
      text(GAP, y + 16, title(task.task)),
      ...overview.flatMap(({ method }, column) => {
        const row = task.rows.find((one) => one.method === method);
        if (row === undefined) return [];
        const words =
          row.paired === null
            ? task.reference === null
              ? '–'
              : 'reference'
            : `${differenceText(row.paired.difference, task.metric)} ${readingMark(row.reading)}`;
        const place = `${placeText(row, task)}${row.sharesBest ? ' =' : ''}`;
        if (row.paired === null) return [text(middle(column), y + 16, `${place}   ${words}`, 'text-anchor="middle"')];
        const color = scale.color(goodness(row.paired.difference, task.metric));
        return [
          `<rect x="${left + column * CELL.width + 1}" y="${y + 1}" width="${CELL.width - 2}" ` +
            `height="${CELL.height - 2}" fill="${color}"/>`,
          `<text x="${middle(column)}" y="${y + 16}" text-anchor="middle" ` +
            `fill="${inkOn(color)}">${escapeXml(`${place}   ${words}`)}</text>`,
        ];
      }),
    ];
  });
  const below = cellsTop + tasks.length * CELL.height + 20;
  const width = Math.max(720, left + overview.length * CELL.width + GAP);
  const caption = [
    `Rank (= best, or not distinguishable from the best) and difference to ${referenceTitle(reference)}, in ` +
      'percentage points (perplexity as it stands).',
    '\u25b2 better, \u25bc worse: the paired 95 % interval leaves out 0. Mean rank with the 95 % interval of a ' +
      'bootstrap over items.',
  ];
  const name = `${model} at ${formatFactor(factor)}: methods against ${referenceTitle(reference)}`;
  const figureManifest = { kind: 'uncurl-compare', model, factor, reference, findings, notes, run: manifest };
  const size = { width, height: below + caption.length * LINE + GAP };
  return {
    ...size,
    manifest: figureManifest,
    svg: svgDocument({
      ...size,
      title: name,
      background: theme === 'dark' ? '#17191c' : '#ffffff',
      manifest: figureManifest,
      body: [
        text(GAP, 32, name, 'font-size="15" font-weight="bold"'),
        ...heads,
        ...summary,
        ...cells,
        ...caption.map((line, index) => text(GAP, below + index * LINE, line, 'font-size="11"')),
      ].join('\n'),
    }),
    csv: csvDocument(
      figureManifest,
      COLUMNS,
      tasks.flatMap((task) => task.rows.map((row) => csvRow(comparison, task, row))),
    ),
  };
};
