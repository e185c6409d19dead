import type { WeightType } from '../contract/export.ts';
import type { CallScore, FitDocument, FitForecast, ForecastCall } from '../contract/fit.ts';
import { isNothingToLose } from '../contract/sweep.ts';
import { candidateNamed, candidateWords } from '../words/fit.ts';
import { methodTitle } from '../words/methods.ts';
import { formatFactor } from '../words/numbers.ts';

/** Chosen items that a forecast of written answers reads. */
export const FORECAST_ITEMS = 50;

/** Factors at which a forecast is made: the records were measured at all of them. */
export const FORECAST_FACTORS: readonly number[] = [4 / 3, 2, 4, 8];

/**
 * Below this mean loss of the right answer, in nats, a pruned model is foretold to be safe when it writes its answers.
 * Learned on the records: a test compares it, and the rates, with what they give.
 */
export const FORECAST_CUT = 0.0082;

/** How often the rule was right in the records, each task foretold by a cut that was learned without it. */
export const forecastRecord = {
  /** Thresholds: curves of a model, task and method. */
  curves: 108,
  right: 97,
  tooFar: 6,
  tooShort: 5,
  /** Points that were called safe, and those of them that were not; the other points, and those of them that were. */
  safeCalls: 60,
  notSafe: 6,
  otherCalls: 318,
  safeAnyway: 5,
} as const;

/** What the records hold; outside of it nothing is foretold. */
const support = {
  experts: { least: 8, most: 64 },
  methods: ['frequency', 'reap'],
  /** Characters of the longest right answer. */
  answerCharacters: 20,
  /** Parameters of the largest recorded model. */
  parameters: 5_500_000,
} as const;

/** A model may be this many times as large as the largest recorded one. */
const LARGER_BY = 10;

/** What a forecast would be about. */
export interface ForecastSubject {
  readonly experts: number;
  readonly parameters: number;
  /** Null: every expert stays. */
  readonly method: string | null;
  /** Right answers of the items that it reads. */
  readonly answers: readonly string[];
}

/** Why nothing is foretold, in a sentence; null where the records hold such cases. */
export const outsideRecords = ({ experts, parameters, method, answers }: ForecastSubject): string | null => {
  const { least, most } = support.experts;
  const longest = answers.reduce((length, answer) => Math.max(length, answer.trim().length), 0);
  if (answers.length < FORECAST_ITEMS)
    return `it reads ${FORECAST_ITEMS} scoring items, and there are ${answers.length}.`;
  if (method === null) return 'the records hold pruned models, and here every expert stays.';
  if (!support.methods.some((known) => known === method))
    return `the records hold plans by ${support.methods.join(' and ')} with as many experts in each layer.`;
  if (experts < least || experts > most) return `the records hold models with ${least} to ${most} experts per layer.`;
  if (parameters > LARGER_BY * support.parameters)
    return `the model has more than ${LARGER_BY} times the parameters of the largest recorded one.`;
  if (longest > support.answerCharacters)
    return `right answers have up to ${longest} characters, in the records ${support.answerCharacters}.`;
  return null;
};

/** Whether a model is foretold to be safe when it writes, by its mean loss in nats on chosen items. */
export const isForetoldSafe = (loss: number): boolean => loss < FORECAST_CUT;

/** The largest factor such that it and every smaller one are foretold to be safe; 1 for none. `curve`: ascending. */
export const foretoldThreshold = (curve: FitForecast['curve']): number => {
  const first = curve.findIndex(({ loss }) => !isForetoldSafe(loss));
  return (first === -1 ? curve.at(-1) : curve[first - 1])?.factor ?? 1;
};

/** Whether a candidate is one of a kind that the records hold: weights as stored, no refit, as many kept everywhere. */
export const isRecordedKind = ({
  weights,
  refit,
  kept,
}: {
  readonly weights: WeightType;
  readonly refit: boolean;
  readonly kept: number | readonly number[];
}): boolean => weights === 'stored' && !refit && typeof kept === 'number';

/** A call with what became of it. */
export interface CheckedCall extends ForecastCall {
  /** Null: the written answers were not tested, or have no verdict. */
  readonly held: boolean | null;
}

/** The calls of a search, each with whether its test bore it out. As in the records, undecided is not safe. */
export const checkedCalls = ({
  forecast,
  task,
  tested,
  elsewhere,
}: Pick<FitDocument, 'forecast' | 'task' | 'tested' | 'elsewhere'>): readonly CheckedCall[] =>
  (forecast?.calls ?? []).map((call) => {
    const calls = call.task === task ? tested : elsewhere.filter((other) => other.task === call.task);
    const verdict = calls.find(({ name }) => name === call.name)?.verdict ?? null;
    if (verdict === null || isNothingToLose(verdict)) return { ...call, held: null };
    return { ...call, held: (verdict === 'safe') === call.isSafe };
  });

/** What became of the forecasts of a workspace; null before the first was tested. */
export const scoreWords = ({ tested, held }: CallScore): string | null =>
  tested === 0 ? null : `In earlier searches of this workspace, ${held} of ${tested} tested forecasts of models held.`;

/**
 * How far the model may be pruned when it writes, foretold from few chosen items, how often such forecasts were right,
 * and after the test whether this one held. It decides nothing.
 */
export const forecastWords = (
  document: Pick<FitDocument, 'forecast' | 'experts' | 'candidates' | 'task' | 'tested' | 'elsewhere'>,
): readonly string[] => {
  const { forecast, experts } = document;
  if (forecast === undefined) return [];
  const { task, unknown, method, curve, earlier } = forecast;
  const kept = scoreWords(earlier);
  const score = kept === null ? '' : ` ${kept}`;
  if (unknown !== null) return [`Forecast of written answers (${task}): do not know, since ${unknown}${score}`];
  const { curves, right, tooFar, tooShort, safeCalls, notSafe, otherCalls, safeAnyway } = forecastRecord;
  const threshold = foretoldThreshold(curve);
  const [called, other] = [`${safeCalls - notSafe} of ${safeCalls}`, String(otherCalls - safeAnyway)];
  const calls = checkedCalls(document);
  return [
    `Forecast of written answers (${task}), from the loss of the right answer on ${FORECAST_ITEMS} scoring ` +
      `items: ${threshold === 1 ? 'no factor is' : `safe up to ${formatFactor(threshold)}`}${
        threshold === 1 ? ' safe' : ''
      } by ${methodTitle(method ?? '')}. In the records such thresholds were right in ${right} of ` +
      `${curves} cases, too far in ${tooFar} and too short in ${tooShort}. It is no verdict.` +
      score,
    ...calls.map(({ name, isSafe, held }) => {
      const model = candidateWords(candidateNamed(document, name), experts);
      const record = isSafe ? called : `${other} of ${otherCalls}`;
      const outcome = held === null ? 'not tested here' : held ? 'the test bore it out' : 'the test refuted it';
      const said = isSafe ? 'safe' : 'not safe';
      return `Forecast for ${model}: ${said} when it writes (right in ${record} records): ${outcome}.`;
    }),
  ];
};
