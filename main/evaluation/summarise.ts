import { assertNever, refuse } from '../contract/errors.ts';
import type { ChoiceOutcome, ItemOutcome, TextOutcome, WrittenOutcome } from '../contract/outcome.ts';
import { DEFAULT_DELTA, type Endings, type PassAtK, type SweepResult } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import {
  bootstrapPerplexity,
  type BootstrapSettings,
  DEFAULT_BOOTSTRAP,
  type PairedText,
} from '../statistics/bootstrap.ts';
import { groupInterval, groupMoves, signChangeP } from '../statistics/clustered-pairs.ts';
import { EITHER_END, pairedInterval } from '../statistics/exact-paired-test.ts';
import { guessingP, mcnemarExact } from '../statistics/p-values.ts';
import { ratioInterval } from '../statistics/ratio-interval.ts';
import { answerLossOf, fidelityOf } from './fidelity.ts';
import { hasEnded, loopedShare } from './item-answers.ts';
import { guessedRight, isRightChoice } from './right-choices.ts';
import { groupBy } from './threshold.ts';
import { ONE_SIDED_ALPHA, oneSidedEnds } from './verdicts.ts';

/** The part of a sweep result that follows from outcomes; the rest of it names the candidate. */
export type PairedSummary = Omit<SweepResult, 'model' | 'task' | 'method' | 'seed' | 'factor' | 'kept'>;
type Compared = Omit<PairedSummary, 'evaluated'>;

const isChoice = (outcome: ItemOutcome): outcome is ChoiceOutcome => outcome.kind === 'choice';
const isText = (outcome: ItemOutcome): outcome is TextOutcome => outcome.kind === 'text';
const isWritten = (outcome: ItemOutcome): outcome is WrittenOutcome => outcome.kind === 'written';

const ofOneKind = <O extends ItemOutcome>(
  outcomes: readonly ItemOutcome[],
  isKind: (outcome: ItemOutcome) => outcome is O,
  metric: MetricName,
): readonly O[] => {
  const stranger = outcomes.find((outcome) => !isKind(outcome));
  if (stranger !== undefined) {
    throw refuse(
      'metric-mismatch',
      `Item ${stranger.id} is a ${stranger.kind} item, which the metric ${metric} cannot measure.`,
      'Use acc or acc_norm for items with choices, perplexity for texts, and exact_match or ending for written ' +
        'answers.',
    );
  }
  return outcomes.filter(isKind);
};

/** The two outcomes of each item; refuses unless both lists have the same items in the same order. */
const pairItems = <O extends ItemOutcome>(baseline: readonly O[], candidate: readonly O[]): (readonly [O, O])[] => {
  if (baseline.length === 0) {
    throw refuse('items-missing', 'There are no outcomes to summarise.', 'Evaluate at least one item.');
  }
  if (baseline.length !== candidate.length) {
    throw refuse(
      'items-differ',
      `The unpruned model answered ${baseline.length} items and the candidate ${candidate.length}.`,
      'Paired statistics need both on the same items: evaluate the candidate again.',
    );
  }
  return baseline.map((before, index) => {
    const after = candidate[index];
    if (after?.id !== before.id) {
      throw refuse(
        'items-differ',
        `Item ${index + 1} is ${before.id} for the unpruned model and ${after?.id ?? 'missing'} for the candidate.`,
        'Paired statistics need the same items in the same order: evaluate the candidate again.',
      );
    }
    return [before, after] as const;
  });
};

/** The fields of a right or wrong answer that pairing needs. */
interface PairedAnswer {
  readonly truncatedTokens: number;
  readonly group?: string | undefined;
}

/** Summarises right and wrong answers at a margin: the paired difference, its intervals, and p. */
export const pairedAnswers = <O extends PairedAnswer>(
  pairs: readonly (readonly [O, O])[],
  isRight: (outcome: O) => boolean,
  delta: number,
): Omit<Compared, 'metric' | 'value' | 'acc' | 'accNorm'> => {
  const n = pairs.length;
  const lost = pairs.filter(([before, after]) => isRight(before) && !isRight(after)).length;
  const gained = pairs.filter(([before, after]) => !isRight(before) && isRight(after)).length;
  const ends = oneSidedEnds({ gained, lost, n }, delta);
  const summary = {
    n,
    perplexity: null,
    difference: (gained - lost) / n,
    ...pairedInterval({ gained, lost, n }),
    lowOneSided: ends.low,
    highOneSided: ends.high,
    p: mcnemarExact(lost, gained),
    lost,
    gained,
    truncated: pairs.filter(([, after]) => after.truncatedTokens > 0).length,
  };
  const groups = pairs.flatMap(([before]) => before.group ?? []);
  if (groups.length < n || new Set(groups).size === n) return summary;
  const moves = groupMoves(
    pairs.map(([before, after]) => Number(isRight(after)) - Number(isRight(before))),
    groups,
  );
  const { low: lowOneSided, high: highOneSided } = groupInterval(moves, ONE_SIDED_ALPHA);
  return {
    ...summary,
    ...groupInterval(moves, EITHER_END),
    lowOneSided,
    highOneSided,
    p: signChangeP(moves),
    groups: { count: new Set(groups).size, moves },
  };
};

const summariseChoices = (
  metric: 'acc' | 'acc_norm',
  baseline: readonly ChoiceOutcome[],
  candidate: readonly ChoiceOutcome[],
  delta: number,
): Compared => {
  const isRight = (outcome: ChoiceOutcome): boolean =>
    isRightChoice(outcome, metric === 'acc' ? outcome.chosen : outcome.chosenNorm);
  const pairs = pairItems(baseline, candidate);
  const moved = pairs.find(([before, after]) => before.answer !== after.answer);
  if (moved !== undefined) {
    throw refuse(
      'items-differ',
      `The answer of item ${moved[0].id} is ${moved[0].answer} for the unpruned model, ${moved[1].answer} for ` +
        `the candidate.`,
      'The task changed between the two evaluations: evaluate both again.',
    );
  }
  const part = (holds: (after: ChoiceOutcome) => boolean): number =>
    pairs.filter(([, after]) => holds(after)).length / pairs.length;
  const acc = part((after) => isRightChoice(after, after.chosen));
  const accNorm = part((after) => isRightChoice(after, after.chosenNorm));
  const answerLoss = answerLossOf(pairs);
  const fidelity = fidelityOf(pairs.map(([, after]) => after));
  return {
    ...pairedAnswers(pairs, isRight, delta),
    metric,
    value: metric === 'acc' ? acc : accNorm,
    acc,
    accNorm,
    ...(answerLoss === undefined ? {} : { answerLoss }),
    ...(fidelity === undefined ? {} : { fidelity }),
  };
};

const summariseWritten = (
  metric: 'exact_match' | 'ending',
  baseline: readonly WrittenOutcome[],
  candidate: readonly WrittenOutcome[],
  delta: number,
): Compared => {
  const pairs = pairItems(baseline, candidate);
  const value = pairs.filter(([, after]) => after.correct).length / pairs.length;
  const fidelity = fidelityOf(pairs.map(([, after]) => after));
  const passes = metric === 'exact_match' ? passesOf(pairs) : undefined;
  return {
    ...pairedAnswers(pairs, ({ correct }) => correct, delta),
    metric,
    value,
    acc: null,
    accNorm: null,
    endings: endingsOf(pairs, delta),
    ...(passes === undefined ? {} : { passAtK: [...passes] }),
    ...(fidelity === undefined ? {} : { fidelity }),
  };
};

const endingsOf = (pairs: readonly (readonly [WrittenOutcome, WrittenOutcome])[], delta: number): Endings => {
  const written = pairs.map(([, after]) => after);
  const paired = pairedAnswers(pairs, hasEnded, delta);
  const { difference, low, high, lowOneSided, highOneSided, p, lost, gained, groups } = paired;
  return {
    ended: written.filter(hasEnded).length / written.length,
    looped: loopedShare(written),
    difference,
    low,
    high,
    lowOneSided,
    highOneSided,
    p,
    lost,
    gained,
    ...(groups === undefined ? {} : { groups }),
  };
};

const pairTexts = (baseline: readonly TextOutcome[], candidate: readonly TextOutcome[]): PairedText[] =>
  pairItems(baseline, candidate).map(([before, after]) => {
    if (before.tokens !== after.tokens || !(before.tokens > 0)) {
      throw refuse(
        'items-differ',
        `Text ${before.id} has ${before.tokens} tokens for the unpruned model and ${after.tokens} for the candidate.`,
        'Both must score the same tokens, at least one: evaluate both again.',
      );
    }
    const unusable = [before, after].find((outcome) => !Number.isFinite(outcome.logprob));
    if (unusable !== undefined) {
      throw refuse(
        'outcome-not-finite',
        `Text ${before.id} has the log-likelihood ${unusable.logprob}.`,
        'The model outputs numbers that are not finite: check its weights and precision.',
      );
    }
    return { baseline: before.logprob, candidate: after.logprob, tokens: before.tokens };
  });

const summariseTexts = (
  baseline: readonly TextOutcome[],
  candidate: readonly TextOutcome[],
  bootstrap: BootstrapSettings,
): Compared => {
  const texts = pairTexts(baseline, candidate);
  const comparison = bootstrapPerplexity(texts, bootstrap);
  const fidelity = fidelityOf(candidate);
  return {
    n: texts.length,
    metric: 'perplexity',
    value: comparison.candidate,
    acc: null,
    accNorm: null,
    perplexity: comparison.candidate,
    difference: comparison.difference,
    low: comparison.low,
    high: comparison.high,
    lowOneSided: 0 - comparison.logHighOneSided,
    highOneSided: 0 - comparison.logLowOneSided,
    lowTail: comparison.logHighTail.map(({ alpha, high }) => ({ alpha, low: 0 - high })),
    p: null,
    lost: 0,
    gained: 0,
    truncated: 0,
    ...(fidelity === undefined ? {} : { fidelity }),
  };
};

const compare = (
  metric: MetricName,
  baseline: readonly ItemOutcome[],
  candidate: readonly ItemOutcome[],
  { bootstrap, delta }: SummarySettings,
): Compared => {
  switch (metric) {
    case 'acc':
    case 'acc_norm':
      return summariseChoices(
        metric,
        ofOneKind(baseline, isChoice, metric),
        ofOneKind(candidate, isChoice, metric),
        delta,
      );
    case 'perplexity':
      return summariseTexts(ofOneKind(baseline, isText, metric), ofOneKind(candidate, isText, metric), bootstrap);
    case 'exact_match':
    case 'ending':
      return summariseWritten(
        metric,
        ofOneKind(baseline, isWritten, metric),
        ofOneKind(candidate, isWritten, metric),
        delta,
      );
    default:
      return assertNever(metric);
  }
};

/** Test of the unpruned model's accuracy against guessing; nothing for items without choices. */
const aboveChance = (summary: Compared, outcomes: readonly ItemOutcome[]): Pick<Compared, 'chance'> => {
  const choices = outcomes.filter(isChoice);
  if (choices.length === 0) return {};
  const accuracy = choices.reduce((sum, outcome) => sum + guessedRight(outcome), 0) / choices.length;
  return {
    chance: { accuracy, p: accuracy === 1 ? 1 : guessingP(Math.round(summary.value * summary.n), summary.n, accuracy) },
  };
};

interface SummarySettings {
  readonly bootstrap: BootstrapSettings;
  /** Margin of the one-sided ends. */
  readonly delta: number;
}

/**
 * The numbers of a sweep result: `candidate` against the unpruned model (`baseline`) on the same items in the same
 * order, which is refused otherwise (`items-differ`).
 *
 * Accuracies and exact match: difference with Tango's interval at the critical scores of the exact tests (two-sided: of
 * no difference; one-sided: of the margin), exact McNemar p. Perplexity: difference of perplexities with the paired
 * bootstrap's interval; `lowOneSided` is then minus the upper end for the rise of log-perplexity (nats per token), so
 * that for every metric safe means `lowOneSided >= -delta`, and `highOneSided` its counterpart; `lost`, `gained` and
 * `truncated` are 0.
 *
 * Where all items have groups that some share (a passage), intervals and p are those of groups.
 *
 * `candidate: null` summarises the unpruned model itself: difference and interval are 0 and p is null. Where items have
 * choices its accuracy is tested against guessing.
 */
export const summarise = (
  metric: MetricName,
  baseline: readonly ItemOutcome[],
  candidate: readonly ItemOutcome[] | null,
  { bootstrap = DEFAULT_BOOTSTRAP, delta = DEFAULT_DELTA }: Partial<SummarySettings> = {},
): PairedSummary => {
  const evaluated = baseline.length;
  if (candidate !== null) return { ...compare(metric, baseline, candidate, { bootstrap, delta }), evaluated };
  const itself = compare(metric, baseline, baseline, { bootstrap: { ...bootstrap, resamples: 1 }, delta });
  const { lowTail: _lowTail, endings, answerLoss, ...rest } = itself;
  const none = { difference: 0, low: 0, high: 0, lowOneSided: 0, highOneSided: 0, p: null };
  return {
    ...rest,
    ...none,
    ...aboveChance(rest, baseline),
    ...(endings === undefined ? {} : { endings: { ...endings, ...none } }),
    ...(answerLoss === undefined ? {} : { answerLoss: { mean: 0, low: 0, high: 0 } }),
    evaluated,
  };
};

/**
 * Chance that at least one of k texts is right, of which `right` of `texts` were: the unbiased estimator
 * 1 - C(texts - right, k) / C(texts, k) (Chen et al. 2021, "Evaluating Large Language Models Trained on Code",
 * equation 1), as a product. `k` is at most `texts`.
 */
export const passAtK = (texts: number, right: number, k: number): number => {
  if (texts - right < k) return 1;
  let noneRight = 1;
  for (let index = 0; index < k; index += 1) noneRight *= (texts - right - index) / (texts - index);
  return 1 - noneRight;
};

/** Powers of two from 2 on, and the number of texts itself. */
const countsOf = (texts: number): readonly number[] => {
  const powers = Array.from({ length: 30 }, (_, exponent) => 2 ** (exponent + 1)).filter((k) => k < texts);
  return [...powers, texts];
};

/**
 * pass@k of items that were written several times, for k of 2, 4, 8, ... and all texts of an item: mean over items,
 * and the difference from the unpruned model with its 95 % interval, Student's t of the items' paired differences.
 * Undefined unless at least two items have the same number of texts, two or more.
 */
export const passesOf = (
  pairs: readonly (readonly [WrittenOutcome, WrittenOutcome])[],
): readonly PassAtK[] | undefined => {
  const items = groupBy(pairs, ([{ id, group }]) => group ?? id);
  const [texts, ...others] = new Set(items.map(({ length }) => length));
  if (texts === undefined || others.length > 0 || texts < 2 || items.length < 2) return undefined;
  const rights = items.map((repeats) => ({
    before: repeats.filter(([before]) => before.correct).length,
    after: repeats.filter(([, after]) => after.correct).length,
  }));
  return countsOf(texts).map((k) => {
    const value = rights.reduce((sum, { after }) => sum + passAtK(texts, after, k), 0) / items.length;
    const moves = rights.map(({ before, after }) => ({
      sum: passAtK(texts, after, k) - passAtK(texts, before, k),
      count: 1,
    }));
    const { mean = 0, low = 0, high = 0 } = ratioInterval(moves) ?? {};
    return { k, value, difference: mean, low, high };
  });
};
