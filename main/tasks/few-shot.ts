import { refuse } from '../contract/errors.ts';
import { seededRandom } from '../statistics/random.ts';

/** lm-evaluation-harness's default seed for few-shot examples. */
export const DEFAULT_SEED = 1234;
/** Published tasks use at most 64. */
export const MAX_EXAMPLES = 128;

/** Number and selection of the examples before every item. */
export interface FewShot {
  readonly count: number;
  readonly seed: number;
  /** Drawn by the seed without replacement, or the first ones of the split. */
  readonly order: 'drawn' | 'first';
}

export interface DrawnExamples<T> {
  readonly examples: readonly T[];
  /** The split without the examples: an example must not also be profiled, or it would be read after its own answer. */
  readonly rest: readonly T[];
}

/**
 * Draws the examples of a task, the same for all its items. Refuses if the split, named by `location`, has no other
 * items.
 */
export const drawExamples = <T>(pool: readonly T[], fewShot: FewShot, location: string): DrawnExamples<T> => {
  const { count, seed, order } = fewShot;
  if (count === 0) return { examples: [], rest: pool };
  if (count > MAX_EXAMPLES)
    throw refuse(
      'bad-task',
      `${location}: ${String(count)} few-shot examples are asked for (limit ${String(MAX_EXAMPLES)}).`,
      'Ask for fewer.',
    );
  if (count > pool.length) {
    throw refuse(
      'bad-task',
      `${location}: ${String(count)} few-shot examples are asked for, and their split has ` +
        `${String(pool.length)} items.`,
      'Ask for fewer, or give the split more items.',
    );
  }
  const examples = order === 'first' ? pool.slice(0, count) : seededRandom(seed).shuffle(pool).slice(0, count);
  const taken = new Set(examples);
  return { examples, rest: pool.filter((item) => !taken.has(item)) };
};

/** Describes the examples for the task's description. */
export const describeFewShot = ({ count, seed, order }: FewShot, splitName: string): string =>
  count === 0
    ? ''
    : `${String(count)}-shot: every item follows the same examples of ${splitName} ` +
      `(${order === 'first' ? 'its first' : `drawn with seed ${String(seed)}`}), which are not items themselves.`;
