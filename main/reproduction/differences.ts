import { fail, type WorkbenchError } from '../contract/errors.ts';
import type { ComparedFields, FlippedItem, Reproduction, RewrittenItem } from '../contract/reproduction.ts';
import {
  type PointName,
  pointNameKey,
  type SweepDocument,
  type SweepResult,
  type Threshold,
} from '../contract/sweep.ts';
import { printedScore } from '../words/reproduction.ts';
import { counted } from '../words/numbers.ts';
import type { ChoiceOutcome, ItemOutcome, WrittenOutcome } from '../contract/outcome.ts';
import { provenanceHeading } from '../words/provenance.ts';
import { changedFieldsWords, notComparedWords, roundedFieldsWords } from './field-ledger.ts';

export interface ComparedOutcomes {
  readonly flipped: readonly Pick<FlippedItem, 'item' | 'answer' | 'before' | 'after'>[];
  /** Items with different written answers. */
  readonly rewritten: readonly Pick<RewrittenItem, 'item' | 'before' | 'after'>[];
  /** Largest difference of a log-probability. */
  readonly largestScoreDifference: number;
}

const answerOf = ({ chosen, chosenNorm, logprobs }: ChoiceOutcome): FlippedItem['before'] => ({
  chosen,
  chosenNorm,
  scores: [...logprobs],
});

const textOf = ({ text, correct }: WrittenOutcome): RewrittenItem['before'] => ({ text, correct });

const scoresOf = (outcome: ItemOutcome): readonly number[] => {
  switch (outcome.kind) {
    case 'choice':
      return outcome.logprobs;
    case 'text':
      return [outcome.logprob];
    case 'written':
      return [];
  }
};

const isFlipped = (before: ChoiceOutcome, after: ChoiceOutcome): boolean =>
  before.chosen !== after.chosen || before.chosenNorm !== after.chosenNorm || before.answer !== after.answer;

const mismatch = (item: string): WorkbenchError =>
  fail(
    'outcomes-mismatch',
    `The stored outcomes do not contain the task's items in their order: item "${item}" differs.`,
    'The stored outcomes were edited or damaged: restore them, or start a new sweep.',
  );

/** Whether two runs answered the same items in the same order, each with the same number of scores. */
export const isOfSameItems = (before: readonly ItemOutcome[], after: readonly ItemOutcome[]): boolean =>
  before.length === after.length &&
  before.every((was, index) => {
    const is = after[index];
    return was.id === is?.id && was.kind === is.kind && scoresOf(was).length === scoresOf(is).length;
  });

/** Compares two runs' answers to the same items in the same order. */
export const compareOutcomes = (before: readonly ItemOutcome[], after: readonly ItemOutcome[]): ComparedOutcomes => {
  const flipped: Pick<FlippedItem, 'item' | 'answer' | 'before' | 'after'>[] = [];
  const rewritten: Pick<RewrittenItem, 'item' | 'before' | 'after'>[] = [];
  let largestScoreDifference = 0;
  for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
    const [was, is] = [before[index], after[index]];
    if (was === undefined || is === undefined || was.id !== is.id || was.kind !== is.kind)
      throw mismatch(was?.id ?? is?.id ?? '');
    const scores = scoresOf(is);
    if (scores.length !== scoresOf(was).length) throw mismatch(was.id);
    scoresOf(was).forEach((score, index) => {
      largestScoreDifference = Math.max(largestScoreDifference, Math.abs((scores[index] ?? Number.NaN) - score));
    });
    if (was.kind === 'choice' && is.kind === 'choice' && isFlipped(was, is)) {
      flipped.push({ item: was.id, answer: is.answer, before: answerOf(was), after: answerOf(is) });
    }
    if (was.kind === 'written' && is.kind === 'written' && (was.text !== is.text || was.correct !== is.correct)) {
      rewritten.push({ item: was.id, before: textOf(was), after: textOf(is) });
    }
  }
  return { flipped, rewritten, largestScoreDifference };
};

/** Relative bound for equal perplexities: they are sums of logarithms, which CPUs may round differently. */
const SAME_PERPLEXITY = 1e-6;

export const pointNameOf = ({ model, task, method, seed, factor }: PointName): PointName => ({
  model,
  task,
  method,
  seed,
  factor,
});

/** Accuracies are quotients of integers, so they must be equal to the last digit. */
const isSameValue = (before: SweepResult, after: SweepResult): boolean =>
  before.metric === 'perplexity'
    ? Math.abs(after.value - before.value) <= SAME_PERPLEXITY * Math.abs(before.value)
    : before.acc === after.acc && before.accNorm === after.accNorm && before.value === after.value;

const curveKey = ({ model, task, method, seed }: Threshold): string => JSON.stringify([model, task, method, seed]);

const isSameThreshold = (before: Threshold, after: Threshold): boolean =>
  before.factor === after.factor &&
  before.lastSafe === after.lastSafe &&
  before.firstUnsafe === after.firstUnsafe &&
  before.verdict === after.verdict;

type Documents = Pick<SweepDocument, 'results' | 'thresholds'>;

/** Values, points and thresholds of a sweep that differ the second time. Thresholds must be at one delta. */
export const compareSweeps = (
  before: Documents,
  after: Documents,
): Pick<Reproduction, 'changed' | 'missing' | 'added' | 'thresholds'> => {
  const results = new Map(after.results.map((result) => [pointNameKey(result), result]));
  const known = new Set(before.results.map(pointNameKey));
  const thresholds = new Map(after.thresholds.map((threshold) => [curveKey(threshold), threshold]));
  return {
    changed: before.results.flatMap((result) => {
      const again = results.get(pointNameKey(result));
      if (again === undefined || isSameValue(result, again)) return [];
      return [{ ...pointNameOf(result), metric: result.metric, before: result.value, after: again.value }];
    }),
    missing: before.results.filter((result) => !results.has(pointNameKey(result))).map(pointNameOf),
    added: after.results.filter((result) => !known.has(pointNameKey(result))).map(pointNameOf),
    thresholds: before.thresholds.flatMap((threshold) => {
      const again = thresholds.get(curveKey(threshold));
      return again === undefined || isSameThreshold(threshold, again) ? [] : [{ before: threshold, after: again }];
    }),
  };
};

export type Findings = Omit<Reproduction, 'run' | 'of' | 'matches' | 'sentence' | 'before' | 'after'>;

/** Whether every field of every file is the same up to rounding, and no point is missing or new. */
export const isMatch = ({ changed, flipped, rewritten = [], thresholds, missing, added, fields }: Findings): boolean =>
  [changed, flipped, rewritten, thresholds, missing, added, fields.changed].every((list) => list.length === 0);

/** What was not compared, and where the first run was made; begins with a space, empty where nothing is left to say. */
export const leftWords = (fields: ComparedFields): string => {
  const heading = provenanceHeading(fields.first);
  return [notComparedWords(fields) ?? [], heading === null ? [] : `First run: ${heading}`]
    .flat()
    .map((text) => ` ${text.endsWith('.') ? text : `${text}.`}`)
    .join('');
};

export const reproductionSentence = (findings: Findings): string => {
  const { points, items, changed, flipped, rewritten = [], thresholds, missing, added, fields } = findings;
  const { largestScoreDifference } = findings;
  const compared = `${counted(points, 'value')} over ${counted(items, 'item outcome')}`;
  const derived = roundedFieldsWords(fields);
  const rounding =
    largestScoreDifference === 0 && derived === null
      ? 'to the last digit'
      : `scores differ by rounding, at most ${printedScore(largestScoreDifference)}` +
        (derived === null ? '' : `, and ${derived}`);
  const others = changedFieldsWords(fields);
  const left = leftWords(fields);
  if (isMatch(findings)) return `Every compared number matches: ${compared}, ${rounding}.${left}`;
  const parts = [
    `${counted(changed.length, 'value')} of ${points} changed`,
    `${counted(flipped.length + rewritten.length, 'item outcome')} of ${items} flipped`,
    `${counted(thresholds.length, 'threshold')} changed`,
    ...(missing.length === 0 ? [] : [`${counted(missing.length, 'point')} missing`]),
    ...(added.length === 0 ? [] : [`${counted(added.length, 'point')} new`]),
    ...(others === null ? [] : [others]),
  ];
  return `Not every number matches: ${parts.join(', ')}.${left}`;
};
