import type { SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import { isNothingToLose, type Threshold } from '../contract/sweep.ts';
import { TWIN_SUFFIX } from '../evaluation/choice-and-writing.ts';
import { bestThreshold, type BestThreshold } from '../evaluation/threshold.ts';
import { methodTitle } from '../words/methods.ts';
import { pointVerdictText, thresholdLook, thresholdValue } from '../words/verdicts.ts';

/** The best threshold of a model on a task, and that of the task's written twin if it has one. */
export interface BestCell {
  readonly model: string;
  readonly experts: number;
  readonly task: string;
  readonly best: BestThreshold<SizeThreshold> | null;
  readonly written: BestThreshold<SizeThreshold> | null;
  /** The best at levels that hold for the best of all methods, chosen after seeing them. */
  readonly selected: BestThreshold<SizeThreshold> | null;
}

type Best = Pick<SizeTrendDocument, 'models' | 'thresholds' | 'selected' | 'written'>;

/** Tasks with a cell of their own: a written task whose multiple-choice twin is present shares the twin's cell. */
export const ownTasks = ({ written }: Pick<Best, 'written'>, tasks: readonly string[]): readonly string[] =>
  tasks.filter((task) => !(written.includes(task) && tasks.includes(task.slice(0, -TWIN_SUFFIX.length))));

/** How far a model can be pruned for a task with the best of the shown methods. */
export const bestCell = (
  { thresholds, selected }: Pick<Best, 'thresholds' | 'selected'>,
  { name: model, experts }: SizeTrendDocument['models'][number],
  task: string,
  shown: readonly string[],
): BestCell => {
  const bestOf = (named: string, all = thresholds): BestThreshold<SizeThreshold> | null =>
    bestThreshold(
      shown.flatMap((method) =>
        all.filter((entry) => entry.task === named && entry.model === model && entry.method === method),
      ),
    );
  return {
    model,
    experts,
    task,
    best: bestOf(task),
    written: bestOf(`${task}${TWIN_SUFFIX}`),
    selected: bestOf(task, selected),
  };
};

/** Methods that reach the best threshold, such as "REAP" or "Frequency +2" (two more); empty if no factor above 1 is safe. */
export const bestMethods = ({ best, methods }: BestThreshold<SizeThreshold>): string => {
  const [first, ...others] = (best.lastSafe ?? 1) > 1 ? methods : [];
  return first === undefined ? '' : `${methodTitle(first)}${others.length === 0 ? '' : ` +${others.length}`}`;
};

/** The threshold of each way to read a cell: what is asked, by which method, how far. */
export interface BestLine {
  /** As it is called: selected (after selection), endings (texts end as often), everywhere (on every task). */
  readonly kind: 'chosen' | 'written' | 'selected' | 'endings' | 'everywhere';
  /** "REAP +1"; empty where no factor is safe; "nothing to lose" and "too few items" where none is told. */
  readonly method: string;
  readonly value: string;
  readonly threshold: Pick<Threshold, 'verdict' | 'factor' | 'lastSafe' | 'firstUnsafe' | 'firstWorse'>;
}

const withoutMethod = ({ verdict }: BestLine['threshold']): string =>
  isNothingToLose(verdict) ? 'nothing to lose' : verdict === 'cannot-tell' ? 'too few items' : '';

const line = (kind: BestLine['kind'], threshold: BestLine['threshold'], methods: string): BestLine => ({
  kind,
  method: (threshold.lastSafe ?? 1) > 1 ? methods : withoutMethod(threshold),
  value: thresholdValue(threshold),
  threshold,
});

/**
 * Lines of a cell: the best threshold of answers that are chosen, that of answers that are written, the one that holds
 * after the choice among `methods` methods, and how far texts end as often and plans are safe on every task. The last
 * two are of the first method of the line that they belong to.
 */
export const bestLines = ({ best, written, selected }: BestCell, methods: number): readonly BestLine[] => {
  if (best === null) return [];
  const first = (of: BestThreshold<SizeThreshold>): string =>
    of.methods[0] === undefined ? '' : methodTitle(of.methods[0]);
  const ending = written ?? best;
  const { endings } = ending.best;
  const { everywhere } = best.best;
  return [
    line('chosen', best.best, bestMethods(best)),
    ...(written === null ? [] : [line('written', written.best, bestMethods(written))]),
    ...(selected === null || methods < 2 ? [] : [line('selected', selected.best, bestMethods(selected))]),
    ...(endings === undefined ? [] : [line('endings', endings, first(ending))]),
    ...(everywhere === undefined ? [] : [line('everywhere', { ...everywhere, firstWorse: null }, first(best))]),
  ];
};

/** The words of a line: "REAP" for answers that are chosen, "written: REAP", and the label alone without a method. */
export const lineWords = ({ kind, method }: BestLine): string =>
  method === '' ? kind : kind === 'chosen' ? method : `${kind}: ${method}`;

/** From what is worst to what is safest; safe lines by their factor. */
const looks = ['unsafe', 'open', 'unknown', 'safe'] as const;

const rankOf = ({ threshold }: BestLine): number =>
  looks.indexOf(thresholdLook(threshold)) + Math.log2(threshold.lastSafe ?? 1) * 1e-3;

/** The line that allows least; it colours the cell. Undefined without lines. */
export const strictestLine = (lines: readonly BestLine[]): BestLine | undefined =>
  lines.reduce<BestLine | undefined>(
    (strictest, entry) => (strictest === undefined || rankOf(entry) < rankOf(strictest) ? entry : strictest),
    undefined,
  );

const looksUnsafe = (line: BestLine | undefined): boolean =>
  line !== undefined && thresholdLook(line.threshold) === 'unsafe';

/**
 * Whether the first line says enough: no line names a safe factor above 1, and none is unsafe, which would colour the
 * cell, where the first is not.
 */
export const isFirstEnough = (lines: readonly BestLine[]): boolean =>
  lines.every(({ threshold }) => (threshold.lastSafe ?? 1) <= 1) &&
  looksUnsafe(lines[0]) === looksUnsafe(strictestLine(lines));

/** The lines that a cell shows. */
export const cellLines = (lines: readonly BestLine[]): readonly BestLine[] =>
  isFirstEnough(lines) ? lines.slice(0, 1) : lines;

/** The words of a line of a cell with these lines: where the first stands for all, those of its verdict. */
export const cellWords = (entry: BestLine, lines: readonly BestLine[]): string => {
  const look = thresholdLook(entry.threshold);
  if (!isFirstEnough(lines) || look === 'unknown') return lineWords(entry);
  return look === 'unsafe' ? 'nothing safe' : pointVerdictText('undecided');
};
