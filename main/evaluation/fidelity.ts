import {
  type ChoiceOutcome,
  type ClassFidelity,
  type ItemFidelity,
  type ItemOutcome,
  tokenClasses,
} from '../contract/outcome.ts';
import { type AnswerLoss, type Fidelity, pointNameKey, type SweepResult } from '../contract/sweep.ts';
import { groupedSums, ratioInterval } from '../statistics/ratio-interval.ts';
import { bareFactor, formatFactor, formatFixed } from '../words/numbers.ts';
import { methodInProse } from '../words/methods.ts';
import { TWIN_SUFFIX } from './choice-and-writing.ts';
import { rightLogprob } from './right-choices.ts';

/**
 * Fidelity of a candidate: means over all scored positions, each with its 95 % interval by Student's t over items, or
 * over the passages that they share, cut at the bounds of the measure. Undefined for fewer than two of them, and where
 * it was not measured.
 */
export const fidelityOf = (outcomes: readonly ItemOutcome[]): Fidelity | undefined => {
  const items = outcomes.flatMap(({ fidelity }) => fidelity ?? []);
  if (items.length < outcomes.length) return undefined;
  const groups = outcomes.flatMap((outcome) => (outcome.kind === 'text' ? [] : (outcome.group ?? [])));
  // Intervals end at `most`, and at 0: Student's t knows no bounds.
  const meanOf = <P extends { readonly positions: number }>(
    parts: readonly P[],
    of: (part: P) => number,
    most: number,
  ): AnswerLoss | undefined => {
    const units = parts.map((part) => ({ sum: part.positions * of(part), count: part.positions }));
    const found = ratioInterval(groupedSums(units, groups));
    return found && { ...found, low: Math.max(0, found.low), high: Math.min(most, found.high) };
  };
  const mean = (of: (item: ItemFidelity) => number, most: number): AnswerLoss | undefined => meanOf(items, of, most);
  const kl = mean((item) => item.kl, Infinity);
  const reverseKl = mean((item) => item.reverseKl, Infinity);
  const changed = mean((item) => item.changed, 1);
  const acceptance = mean((item) => item.acceptance, 1);
  if (kl === undefined || reverseKl === undefined || changed === undefined || acceptance === undefined)
    return undefined;
  const positions = items.reduce((sum, item) => sum + item.positions, 0);
  const found = { positions, kl, reverseKl, changed, acceptance };
  if (items.some((item) => item.positions > 0 && item.classes === undefined)) return found;
  const classes = tokenClasses.flatMap((name) => {
    const itemClasses = items.map((item) => item.classes?.[name] ?? NO_CLASS);
    const ofClass = itemClasses.reduce((sum, part) => sum + part.positions, 0);
    if (ofClass === 0) return [];
    const [klOf, changedOf] = [
      meanOf(itemClasses, (part) => part.kl, Infinity),
      meanOf(itemClasses, (part) => part.changed, 1),
    ];
    return klOf === undefined || changedOf === undefined
      ? []
      : [{ name, positions: ofClass, kl: klOf, changed: changedOf }];
  });
  return { ...found, classes };
};

const NO_CLASS: ClassFidelity = { positions: 0, kl: 0, changed: 0 };

/**
 * Mean over items of the log-probability that the right choice (of several, all together) loses, in nats, with its 95 %
 * interval by Student's t over items, or over the passages that they share. Undefined for fewer than two. `pairs`:
 * unpruned and candidate.
 */
export const answerLossOf = (pairs: readonly (readonly [ChoiceOutcome, ChoiceOutcome])[]): AnswerLoss | undefined => {
  const losses = pairs.map(([before, after]) => ({ sum: rightLogprob(before) - rightLogprob(after), count: 1 }));
  return ratioInterval(
    groupedSums(
      losses,
      pairs.flatMap(([{ group }]) => group ?? []),
    ),
  );
};

/**
 * Answer loss in nats from which a point that is safe by choice was nearly always unsafe when written, and how often on
 * the bundled sample (a test holds it): of such points, and of those with a smaller loss (resources/docs/finding.md).
 */
export const TELLING_LOSS: {
  readonly nats: number;
  readonly above: { readonly unsafe: number; readonly of: number };
  readonly below: { readonly unsafe: number; readonly of: number };
} = {
  nats: 0.03,
  above: { unsafe: 100, of: 101 },
  below: { unsafe: 8, of: 39 },
};

/** How often the warning is right and what it misses, in words. */
export const TELLING_LOSS_RATES =
  `On the bundled sample, of ${TELLING_LOSS.above.of} points that are safe by choice and lost ` +
  `${bareFactor(TELLING_LOSS.nats)} nats or more, ${TELLING_LOSS.above.unsafe} were unsafe when written; of ` +
  `${TELLING_LOSS.below.of} that lost less, ` +
  `${TELLING_LOSS.below.unsafe === 0 ? 'none' : String(TELLING_LOSS.below.unsafe)}.`;

const losesMuch = ({ factor, verdict, answerLoss }: SweepResult): boolean =>
  factor > 1 && verdict === 'safe' && (answerLoss?.mean ?? 0) >= TELLING_LOSS.nats;

/** Points that are safe by choice, lost much of the right answer, and were not measured written in the same sweep. */
export const doubtfulChoices = (results: readonly SweepResult[]): readonly SweepResult[] => {
  const measured = new Set(results.map(pointNameKey));
  return results.filter(
    (result) => losesMuch(result) && !measured.has(pointNameKey({ ...result, task: `${result.task}${TWIN_SUFFIX}` })),
  );
};

const lossText = ({ answerLoss }: SweepResult): string => `${formatFixed(answerLoss?.mean ?? 0, 2)} nats`;

/** The warning about one such point; null for others. */
export const choiceWarning = (result: SweepResult, results: readonly SweepResult[]): string | null =>
  losesMuch(result) && doubtfulChoices(results).includes(result)
    ? `Safe by choice, but the right answer lost ${lossText(result)}: measure it written. ${TELLING_LOSS_RATES}`
    : null;

/** The warning about all such points of a sweep; null without any. */
export const choiceWarnings = (results: readonly SweepResult[]): string | null => {
  const doubtful = doubtfulChoices(results);
  if (doubtful.length === 0) return null;
  const named = doubtful.map((result) => {
    const { model, task, method, seed, factor } = result;
    const draw = seed === null ? '' : ` (seed ${seed})`;
    return `${model} on ${task} by ${methodInProse(method)}${draw} at ${formatFactor(factor)}: ${lossText(result)}`;
  });
  const points = named.join('; ');
  return `Safe by choice, but the right answer lost much: measure it written. ${points}. ${TELLING_LOSS_RATES}`;
};
