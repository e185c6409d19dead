import type { SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import { bestThreshold, type BestThreshold } from '../evaluation/best-threshold.ts';
import { TWIN_SUFFIX } from '../evaluation/choice-and-writing.ts';
import { methodTitle } from '../words/methods.ts';

/** The best threshold of a model on a task, and that of the task's written twin if it has one. */
export interface BestCell {
  readonly model: string;
  readonly experts: number;
  readonly task: string;
  readonly best: BestThreshold<SizeThreshold> | null;
  readonly written: BestThreshold<SizeThreshold> | null;
}

type Best = Pick<SizeTrendDocument, 'models' | 'thresholds' | 'written'>;

/** Tasks with a cell of their own: a written task whose multiple-choice twin is present shares the twin's cell. */
export const ownTasks = ({ written }: Pick<Best, 'written'>, tasks: readonly string[]): readonly string[] =>
  tasks.filter((task) => !(written.includes(task) && tasks.includes(task.slice(0, -TWIN_SUFFIX.length))));

/** How far a model can be pruned for a task with the best of the shown methods. */
export const bestCell = (
  { thresholds }: Pick<Best, 'thresholds'>,
  { name: model, experts }: SizeTrendDocument['models'][number],
  task: string,
  shown: readonly string[],
): BestCell => {
  const bestOf = (named: string): BestThreshold<SizeThreshold> | null =>
    bestThreshold(
      shown.flatMap((method) =>
        thresholds.filter((one) => one.task === named && one.model === model && one.method === method),
      ),
    );
  return { model, experts, task, best: bestOf(task), written: bestOf(`${task}${TWIN_SUFFIX}`) };
};

/** Methods that reach the best threshold, such as "REAP" or "Frequency + 2 more"; empty if no factor above 1 is safe. */
export const bestMethods = ({ best, methods }: BestThreshold<SizeThreshold>): string => {
  const [first, ...others] = (best.lastSafe ?? 1) > 1 ? methods : [];
  return first === undefined
    ? ''
    : `${methodTitle(first)}${others.length === 0 ? '' : ` + ${String(others.length)} more`}`;
};
