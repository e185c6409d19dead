import { isAtChance, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { largestGroup } from '../statistics/clustered-pairs.ts';
import { guessingP } from '../statistics/p-values.ts';

/** One-sided level at which the unpruned model must be shown to have something to lose. */
const ROOM_LEVEL = 0.05;

/** Why a candidate of a model on a task gets no verdict. */
export type NothingToLose = 'at-chance' | 'nothing-to-lose';

type Unpruned = Pick<SweepResult, 'metric' | 'value' | 'n' | 'groups' | 'chance'>;

/**
 * Whether the unpruned model has no room to lose `delta`: the exact one-sided 95 % lower limit of its value (Clopper
 * and Pearson 1934) is at most delta above chance, or above 0 where nothing can be guessed. A pruned model could then
 * lose everything and still be within the margin. `at-chance`: it is not even above chance. Null: it has room; never
 * for perplexity, which has no lowest value. Where items share passages, a passage counts as one item.
 */
export const nothingToLose = (unpruned: Unpruned, delta: number): NothingToLose | null => {
  const { metric, value, n, groups, chance } = unpruned;
  if (metric === 'perplexity') return null;
  if (isAtChance(unpruned)) return 'at-chance';
  const independent = Math.floor(n / (groups === undefined ? 1 : largestGroup(groups.moves)));
  const right = Math.floor(value * independent + 1e-9);
  const floor = (chance?.accuracy ?? 0) + delta;
  // The limit is at most the floor exactly where as many right answers are no rare event at the floor.
  return floor >= 1 || guessingP(right, independent, floor) > ROOM_LEVEL ? 'nothing-to-lose' : null;
};

type Subject = Pick<SweepResult, 'model' | 'task'>;

/** The same for each point's model and task, from the unpruned points of a document; null where there is none. */
export const nothingToLoseIn = (
  results: readonly SweepResult[],
  delta: number,
): ((point: Subject) => NothingToLose | null) => {
  const keyOf = ({ model, task }: Subject): string => JSON.stringify([model, task]);
  const known = new Map(
    results
      .filter(({ method }) => method === UNPRUNED)
      .map((unpruned) => [keyOf(unpruned), nothingToLose(unpruned, delta)]),
  );
  return (point) => known.get(keyOf(point)) ?? null;
};
