import type { ItemOutcome } from '../contract/outcome.ts';
import { type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { formatCount, formatPercent } from './numbers.ts';

/** Share of the unpruned model's texts that may run out of tokens before its rates say more of that than of answers. */
const MOST_TRUNCATED = 0.05;

/**
 * Share of texts that ran out of tokens, 0 to 1, where it is so large that truncation was measured; undefined for any
 * other, and for metrics that do not judge written answers. `outcomes`: of the unpruned model.
 */
export const ranOutOf = (metric: MetricName, outcomes: readonly ItemOutcome[]): number | undefined => {
  if (metric !== 'exact_match') return undefined;
  const ranOut = outcomes.filter((outcome) => outcome.kind === 'written' && outcome.stopped === 'length').length;
  return ranOut > MOST_TRUNCATED * outcomes.length ? ranOut / outcomes.length : undefined;
};

/** The same of a result of the unpruned model; undefined also for a result of any other. */
const ranOutIn = ({ method, metric, n, endings }: SweepResult): number | undefined => {
  const ranOut = Math.round((1 - (endings?.ended ?? 1)) * n) / n;
  return method === UNPRUNED && metric === 'exact_match' && ranOut > MOST_TRUNCATED ? ranOut : undefined;
};

interface Truncated {
  readonly model: string;
  readonly task: string;
  /** Share of the unpruned model's texts. */
  readonly ranOut: number;
  readonly n: number;
}

/** The same for a cell of a table. */
export const truncationLine = ({ task, ranOut, n }: Pick<Truncated, 'task' | 'ranOut' | 'n'>): string =>
  `${task}: truncation was measured, ${formatPercent(ranOut)} of the unpruned model's ${formatCount(n)} texts ` +
  'ran out of tokens';

export const truncationSentence = ({ model, task, ranOut, n }: Truncated): string =>
  `${model} on ${task}: truncation was measured. ${formatPercent(ranOut)} of the unpruned model's ` +
  `${formatCount(n)} texts did not end within the task's limit of new tokens, so right or wrong, and every ` +
  'verdict, depends on that limit. Give the task a larger limit, or a stop string that ends its texts.';

/** A sentence for each model and task where too many texts of the unpruned model ran out of tokens. */
export const truncationNotes = (results: readonly SweepResult[]): readonly string[] =>
  results.flatMap((result) => {
    const ranOut = ranOutIn(result);
    return ranOut === undefined ? [] : [truncationSentence({ ...result, ranOut })];
  });

type Row = Pick<SweepResult, 'model' | 'task'>;

/** Where truncation was measured with a model on a task, by these results: how many texts ran out. */
export const truncationIn = (results: readonly SweepResult[]): ((row: Row) => Truncated | undefined) => {
  const keyOf = ({ model, task }: Row): string => JSON.stringify([model, task]);
  const found = new Map(
    results.flatMap((result) => {
      const ranOut = ranOutIn(result);
      return ranOut === undefined ? [] : [[keyOf(result), { ...result, ranOut }] as const];
    }),
  );
  return (row) => found.get(keyOf(row));
};

/** Whether it was. */
export const truncationOf = (results: readonly SweepResult[]): ((row: Row) => boolean) => {
  const truncated = truncationIn(results);
  return (row) => truncated(row) !== undefined;
};
