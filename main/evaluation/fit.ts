import { at } from '../contract/errors.ts';
import type { FitLimit, ScoredCandidate } from '../contract/fit.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { AnswerLoss } from '../contract/sweep.ts';
import { groupedSums, ratioInterval } from '../statistics/ratio-interval.ts';
import { maxOf } from '../statistics/extremes.ts';
import { rightLogprob } from './right-choices.ts';
import { groupBy } from './threshold.ts';
import { seededRandom } from '../statistics/random.ts';

/** The loss of one item against the unpruned model, and its passage. */
export interface ItemLoss {
  readonly nats: number;
  readonly group: string | undefined;
}

/** Log-probability of the right answer, or of a text per token. */
const ofAnswer = (outcome: ItemOutcome): number => {
  switch (outcome.kind) {
    case 'choice':
      return rightLogprob(outcome);
    case 'text':
      return outcome.logprob / Math.max(1, outcome.tokens);
    case 'written':
      throw new Error('a written answer has no log-probability');
  }
};

const groupOf = (outcome: ItemOutcome): string | undefined => (outcome.kind === 'text' ? undefined : outcome.group);

/**
 * Log-probability that the right answer of each item loses against other outcomes on the same items, in nats; of texts
 * per token. `before` and `after` are in the same order.
 */
export const itemLosses = (before: readonly ItemOutcome[], after: readonly ItemOutcome[]): readonly ItemLoss[] =>
  before.map((outcome, index) => {
    const other = after[index];
    if (other?.id !== outcome.id) throw new Error('outcomes of other items');
    return { nats: ofAnswer(outcome) - ofAnswer(other), group: groupOf(outcome) };
  });

/** Mean loss with its two-sided 95 % interval, by Student's t of items or passages; null for fewer than two. */
export const meanLoss = (losses: readonly ItemLoss[]): AnswerLoss | null =>
  ratioInterval(
    groupedSums(
      losses.map(({ nats }) => ({ sum: nats, count: 1 })),
      losses.flatMap(({ group }) => group ?? []),
    ),
  ) ?? null;

/** The calibration items of a task in two parts that share none. */
export interface SplitItems<T> {
  /** Profiles, searches and refits read these. */
  readonly profile: readonly T[];
  /** Candidates are scored on these. */
  readonly scoring: readonly T[];
}

/**
 * Splits calibration items by a seeded shuffle; items of one group stay together. Both parts keep the order of the
 * shuffle, so that the first items of a part are a random sample of it.
 */
export const splitItems = <T extends { readonly id: string; readonly group?: string | undefined }>(
  items: readonly T[],
  share: number,
  seed: number,
): SplitItems<T> => {
  const groups = groupBy(items, (item) => item.group ?? `item ${item.id}`);
  const profile: T[] = [];
  const scoring: T[] = [];
  const wanted = Math.round(items.length * share);
  for (const group of seededRandom(seed).shuffle(groups)) {
    const part = profile.length + group.length <= Math.max(1, wanted) ? profile : scoring;
    for (const item of group) part.push(item);
  }
  return { profile, scoring };
};

/** Candidates that go on, and the items that they answer; the last rung answers all. */
export interface Rung {
  /** Most candidates that answer in this rung. */
  readonly candidates: number;
  /** Items that they have answered after it. */
  readonly items: number;
}

/** Items of the first rung: an eighth of all, and at least this many. */
const FEWEST_SCORED = 16;

/** Candidates that answer every item at the end: the best one, and the one that it is compared with. */
const LAST_SCORED = 2;

/** Items from which on candidates can count as equal, and a loss as known. */
export const FEWEST_EQUAL = 64;

/** Largest share of the answers of all candidates to all items that a search takes. */
const SEARCHED_SHARE = 1 / 3;

/**
 * Rungs of successive halving: of each rung the better half of the candidates goes on to twice the items, until two are
 * left with all of them, or `share` of the answers of all candidates to all items are taken; of one or two candidates,
 * whatever the share, 64 items. Source: Jamieson and Talwalkar 2016 (arXiv 1502.07943).
 */
export const halvingRungs = (candidates: number, items: number, share = SEARCHED_SHARE): readonly Rung[] => {
  const rungs: Rung[] = [];
  let [left, answered] = [candidates, Math.min(items, Math.max(FEWEST_SCORED, Math.ceil(items / 8)))];
  let room = Math.floor(share * candidates * items) - left * answered;
  for (;;) {
    rungs.push({ candidates: left, items: answered });
    if (answered >= items) return rungs;
    left = Math.max(Math.min(LAST_SCORED, left), Math.ceil(left / 2));
    const least = left <= LAST_SCORED ? FEWEST_EQUAL - answered : 0;
    const more = Math.min(items - answered, answered, Math.max(least, Math.floor(room / left)));
    if (more < 1) return rungs;
    room -= left * more;
    answered += more;
  }
};

/** The loss that makes no difference, in nats. */
const EQUAL_LOSS = 0.005;

/**
 * Whether a candidate needs no more answers, given its loss minus that of the best one: it loses more by the paired
 * interval, or, on items enough, gains no more than makes a difference.
 */
export const isDecided = (against: AnswerLoss, items: number): boolean =>
  against.low > (items >= FEWEST_EQUAL ? -EQUAL_LOSS : 0);

/** Mean loss of one candidate minus that of another one, on the items that both answered. */
export const lossDifference = (mine: readonly ItemLoss[], theirs: readonly ItemLoss[]): AnswerLoss | null =>
  meanLoss(
    mine.slice(0, Math.min(mine.length, theirs.length)).map(({ nats, group }, index) => ({
      nats: nats - at(theirs, index).nats,
      group,
    })),
  );

/** Candidates from the least mean loss on; those that were scored on the most items come first, untried ones last. */
export const inOrderOfLoss = <C extends Pick<ScoredCandidate, 'items' | 'loss' | 'bytes' | 'name'>>(
  candidates: readonly C[],
): readonly C[] =>
  [...candidates].sort(
    (left, right) =>
      right.items - left.items ||
      (left.loss?.mean ?? Infinity) - (right.loss?.mean ?? Infinity) ||
      left.bytes - right.bytes ||
      left.name.localeCompare(right.name),
  );

/** Bytes that a limit is compared with. */
export const limitedBytes = (
  limit: FitLimit,
  { bytes, memoryBytes }: Pick<ScoredCandidate, 'bytes' | 'memoryBytes'>,
): number => (limit.kind === 'bytes' ? bytes : (memoryBytes ?? bytes));

/**
 * The best loss for growing bytes: candidates that lose less than every one of no more bytes, by rising bytes. Only
 * those that answered the most items are compared, since others may have been lucky on a part of them.
 */
export const lossCurve = <C extends Pick<ScoredCandidate, 'bytes' | 'loss' | 'items'>>(
  candidates: readonly C[],
): readonly C[] => {
  const most = maxOf(candidates.map(({ items }) => items));
  const scored = candidates.filter(({ loss, items }) => loss !== null && items === most);
  const rising = [...scored].sort(
    (left, right) => left.bytes - right.bytes || (left.loss?.mean ?? Infinity) - (right.loss?.mean ?? Infinity),
  );
  let least = Infinity;
  return rising.filter(({ loss }) => {
    if (loss === null || loss.mean >= least) return false;
    least = loss.mean;
    return true;
  });
};
