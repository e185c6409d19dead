import type { ResolvedTheme } from '../../app/theme.ts';
import type { FamilyDocument } from '../../../main/contract/family.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { markerPath, methodStyle } from '../../charts/method-styles.ts';
import { chartMarkup } from '../../figures/chart-markup.ts';
import { csvDocument } from '../../figures/csv.ts';
import type { CsvValue } from '../../figures/csv.ts';
import { escapeXml } from '../../figures/escape-xml.ts';
import type { Figure } from '../../figures/figure.ts';
import { svgDocument } from '../../figures/svg-document.ts';
import { methodTitle } from '../prune/methods.ts';

export interface FamilyFigure {
  readonly kind: string;
  readonly title: string;
  /** How to read it. */
  readonly caption: string;
  readonly manifest: RunManifest;
  readonly family: FamilyDocument;
  /** Every method, and those on screen. */
  readonly methods: readonly string[];
  readonly shown: readonly string[];
  /** Charts on screen: ids of their elements, and what stands above each. */
  readonly charts: readonly { readonly id: string; readonly title: string }[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly CsvValue[])[];
  readonly theme: ResolvedTheme;
}

const COLUMNS = 3;
const GAP = 24;
const HEAD = 76;
const ABOVE = 22;
const LEGEND_STEP = 120;
const LINE_CHARACTERS = 150;
const LINE_PX = 15;

const wrapped = (text: string, width: number): readonly string[] =>
  text.split(' ').reduce<readonly string[]>((lines, word) => {
    const last = lines.at(-1);
    return last !== undefined && last.length + word.length < width ? [...lines.slice(0, -1), `${last} ${word}`] : [...lines, word];
  }, []);

/** Small multiples on screen as one picture, with legend and rule, and the numbers behind them. */
export const familyFigure = (figure: FamilyFigure): Figure => {
  const { kind, manifest, family, methods, shown, theme } = figure;
  const panels = figure.charts.flatMap(({ id, title }) => {
    const chart = chartMarkup(id);
    return chart === null ? [] : [{ title, chart }];
  });
  const cell = { width: Math.max(0, ...panels.map(({ chart }) => chart.width)), height: Math.max(0, ...panels.map(({ chart }) => chart.height)) };
  const columns = Math.max(1, Math.min(COLUMNS, panels.length));
  const ink = theme === 'dark' ? '#e6e8eb' : '#1b1d20';
  const title = `${figure.title}: ${manifest.title}`;
  const legend = shown.map((method, place) => {
    const style = methodStyle(method, methods.indexOf(method));
    const color = style.color[theme];
    const x = GAP + place * LEGEND_STEP;
    return `<path d="M${x} 52h30" stroke="${color}" stroke-width="1.8" stroke-dasharray="${style.dash}"/><path d="${markerPath(style.marker, x + 15, 52, 3.6)}" fill="${color}"/><text x="${x + 38}" y="56" fill="${ink}">${escapeXml(methodTitle(method))}</text>`;
  });
  const bodies = panels.map(({ title: name, chart }, index) => {
    const x = GAP + (index % columns) * (cell.width + GAP);
    const y = HEAD + Math.floor(index / columns) * (cell.height + ABOVE + GAP);
    return `<g transform="translate(${x} ${y})"><text x="30" y="12" font-weight="bold" fill="${ink}">${escapeXml(name)}</text><g transform="translate(0 ${ABOVE})">${chart.markup}</g></g>`;
  });
  const width = Math.max(720, GAP + columns * (cell.width + GAP), GAP * 2 + methods.length * LEGEND_STEP);
  const lines = wrapped(`${figure.caption} ${family.rule}`, Math.min(LINE_CHARACTERS, Math.floor((width - 2 * GAP) / 5.6)));
  const captionTop = HEAD + Math.max(1, Math.ceil(panels.length / columns)) * (cell.height + ABOVE + GAP);
  const caption = lines.map((line, index) => `<text x="${GAP}" y="${captionTop + index * LINE_PX}" font-size="11" fill="${ink}">${escapeXml(line)}</text>`);
  const size = { width, height: captionTop + lines.length * LINE_PX + GAP };
  const figureManifest = { kind, delta: family.delta, rule: family.rule, run: manifest };
  return {
    ...size,
    manifest: figureManifest,
    svg: svgDocument({
      ...size,
      title,
      background: theme === 'dark' ? '#17191c' : '#ffffff',
      manifest: figureManifest,
      body: [`<text x="${GAP}" y="28" font-size="15" font-weight="bold" fill="${ink}">${escapeXml(title)}</text>`, ...legend, ...bodies, ...caption].join('\n'),
    }),
    csv: csvDocument(figureManifest, figure.columns, figure.rows),
  };
};
