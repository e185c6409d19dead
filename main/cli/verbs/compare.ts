import type { CompareDocument, CompareMethod, CompareRow, CompareTask } from '../../contract/compare.ts';
import { refuse } from '../../contract/errors.ts';
import { curveLabel } from '../../contract/method.ts';
import { sweepSettings } from '../../contract/sweep.ts';
import { referenceWords } from '../../evaluation/comparison/findings.ts';
import { withThresholds } from '../../evaluation/threshold-family.ts';
import { readComparisons } from '../../runs/read-run.ts';
import { readSweepDocument } from '../../runs/sweep-record.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { FAMILYWISE } from '../familywise-option.ts';
import { optionReader } from '../option-values.ts';
import { findRun, WORKSPACE_OPTION } from '../subjects.ts';
import { textTable } from '../text-table.ts';
import type { Verb } from '../verb.ts';

const MAX_FACTOR = 1e6;

const two = (number: number): string => String(Number(number.toFixed(2)));
const signed = (number: number): string => (number > 0 ? '+' : '') + number.toFixed(3);
const interval = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  `[${signed(low)}, ${signed(high)}]`;

const readingText = ({ method, reading }: CompareRow, { reference }: CompareTask): string =>
  reading === null ? (method === reference ? 'reference' : '-') : reading === 'cannot-tell' ? 'cannot tell' : reading;

/** "1 =" for a method that is best or not distinguishable from the best, "2-3" for two of the same value. */
const placeText = ({ place, sharesBest }: CompareRow, { rows }: CompareTask): string => {
  const half = (rows.filter((row) => row.place === place).length - 1) / 2;
  return `${half === 0 ? two(place) : `${two(place - half)}-${two(place + half)}`}${sharesBest ? ' =' : ''}`;
};

const rankText = ({ meanRank }: CompareMethod): string =>
  meanRank === null ? '-' : `${two(meanRank.value)} [${two(meanRank.low)}, ${two(meanRank.high)}]`;

const recoveryTables = ({ recoveries }: CompareDocument): string[] =>
  recoveries.length === 0
    ? []
    : [
        textTable(
          ['recovered', 'task', 'n', 'without', 'with', 'difference', '95 % interval', 'reading'],
          recoveries.flatMap(({ method, refit, tasks }) =>
            tasks.map(({ task, n, bare, recovered, paired, reading }) => [
              curveLabel(method, refit),
              task,
              n,
              bare.toFixed(3),
              recovered.toFixed(3),
              signed(paired.difference),
              interval(paired),
              reading === 'cannot-tell' ? 'nothing beyond the interval' : reading,
            ]),
          ),
        ),
      ];

/** Methods against each other as tables: over all tasks, task by task, and what recovery did. */
const compareText = (document: CompareDocument): string => {
  const { run, model, factor, factors, reference, overview, tasks, findings, notes } = document;
  return [
    `${model} at factor ${two(factor)} (measured: ${factors.map(two).join(', ')}), ` +
      `against ${referenceWords(reference)}.`,
    textTable(
      ['method', 'draws', 'mean rank', 'best or not distinguishable', 'better', 'worse', 'cannot tell'],
      overview.map((one) => [
        one.method,
        Math.max(1, one.seeds.length),
        rankText(one),
        `${one.sharesBest} of ${one.tasks}`,
        one.better,
        one.worse,
        one.cannotTell,
      ]),
    ),
    textTable(
      ['task', 'rank', 'method', 'n', 'value', 'difference', '95 % interval', 'p', 'p (Holm)', 'reading'],
      tasks.flatMap((task) =>
        task.rows.map((row) => [
          task.task,
          placeText(row, task),
          row.method,
          task.n,
          row.value.toFixed(3),
          row.paired === null ? null : signed(row.paired.difference),
          row.paired === null ? null : interval(row.paired),
          row.paired?.p?.toPrecision(2) ?? null,
          row.pHolm?.toPrecision(2) ?? null,
          readingText(row, task),
        ]),
      ),
    ),
    ...recoveryTables(document),
    'Rank by value (= : best, or not distinguishable from the best); differences are to the reference, ' +
      'on the same items, with two-sided 95 % intervals.',
    ...findings,
    ...notes,
    `Run ${run}.`,
  ].join('\n\n');
};

export const compare: Verb = {
  name: 'compare',
  usage: 'RUN [--model NAME] [--factor X] [--reference M] [--delta X] [--familywise] [--workspace DIR]',
  summary:
    'The methods of a sweep against each other: ranks and paired differences per task, for one model and factor.',
  positionals: [1, 1],
  options: {
    model: { type: 'string', value: 'NAME', help: 'Model of the sweep (default: its first).' },
    factor: {
      type: 'string',
      value: 'X',
      help: 'Pruning factor (default: the middle one); the nearest measured one stands for it.',
    },
    reference: {
      type: 'string',
      value: 'M',
      help: 'What differences are to: best (default: the best method of each task), unpruned, or a method.',
    },
    delta: {
      type: 'string',
      value: 'X',
      help: 'Margin of the threshold rule in accuracy (default: that of the sweep).',
    },
    ...FAMILYWISE,
    ...WORKSPACE_OPTION,
  },
  run: async (given, host) => {
    const reader = optionReader(given);
    const { workspace, run } = findRun(given.positionals[0] ?? '', reader, host);
    const opened = await openExistingWorkspace(workspace);
    const manifest = await opened.runs.read(run);
    if (manifest.kind !== 'sweep')
      throw refuse('not-a-sweep', `${run} is a ${manifest.kind}, not a sweep.`, 'Choose a sweep.');
    const stored = await readSweepDocument(opened.runs.folder(run));
    if (stored === null)
      throw refuse(
        'nothing-measured',
        `${run} (${manifest.state}) has not measured anything yet.`,
        'Wait for its first point, or resume it.',
      );
    const delta = reader.real('delta', 0.001, 0.5) ?? sweepSettings.shape.delta.parse(manifest.spec['delta']);
    const choice = {
      model: reader.text('model'),
      factor: reader.real('factor', 1, MAX_FACTOR),
      reference: reader.text('reference'),
    };
    const [document] = await readComparisons(
      opened,
      withThresholds(stored, { delta, familywise: reader.flag('familywise') }),
      [choice],
    );
    if (document === undefined) throw new Error('a choice without a comparison');
    return { document, text: compareText(document) };
  },
};
