import type { ItemOutcome } from '../contract/outcome.ts';
import type { Plan } from '../contract/plan.ts';
import type { MetricName } from '../contract/task.ts';
import { isRight } from '../evaluation/is-right.ts';
import { upperLimit } from '../statistics/p-values.ts';
import { seededRandom } from '../statistics/random.ts';
import { bareFactor, counted, formatPercent } from '../words/numbers.ts';
import type { JobContext } from './job-context.ts';
import { evaluationStep } from './measurement.ts';
import type { Stage } from './planned-stages.ts';
import { namedPoint } from './sweep-points.ts';
import { answerItems } from './write-items.ts';

/** Fixed: the same sweep always asks about the same answers. */
const SEED = 0;
/** Flips that a note names. */
const MOST_NAMED = 10;

/** An answer of a sweep that the referee gave too. */
export interface RefereedAnswer {
  /** The point, in words. */
  readonly point: string;
  readonly metric: MetricName;
  readonly before: ItemOutcome;
  readonly after: ItemOutcome;
}

/** Difference between the largest and the second largest log-likelihood; null where there is none. */
const marginOf = (outcome: ItemOutcome): number | null => {
  if (outcome.kind !== 'choice' || outcome.logprobs.length < 2) return null;
  const [first = NaN, second = NaN] = outcome.logprobs.toSorted((a, b) => b - a);
  return first - second;
};

/** Another choice by the metric, or a written answer judged otherwise; never of a text, which has a likelihood only. */
const isFlipped = ({ metric, before, after }: RefereedAnswer): boolean => {
  if (before.kind === 'choice' && after.kind === 'choice')
    return metric === 'acc_norm' ? before.chosenNorm !== after.chosenNorm : before.chosen !== after.chosen;
  return before.kind !== 'text' && after.kind !== 'text' && isRight(metric, before) !== isRight(metric, after);
};

/** The referee's findings in a sentence, with the flips. */
export const refereeNote = (answers: readonly RefereedAnswer[], precision: string): string => {
  const judged = answers.filter(({ before }) => before.kind !== 'text');
  const flipped = judged.filter(isFlipped);
  const named = flipped.slice(0, MOST_NAMED).map(({ point, before, after }) => {
    const margins = [marginOf(before), marginOf(after)].map((margin) => margin?.toPrecision(2) ?? '-');
    return `${point}, item ${before.id} (margins ${margins.join(' and ')})`;
  });
  return (
    `Referee: onnxruntime in float32 gave ${counted(judged.length, 'answer')} of this sweep too, drawn at random ` +
    `(seed ${String(SEED)}), and ${String(flipped.length)} of them differ from PyTorch's in ${precision}` +
    (judged.length === 0
      ? '.'
      : ` (${formatPercent(flipped.length / judged.length)}; of all answers at most ` +
        `${formatPercent(upperLimit(flipped.length, judged.length))}, exact one-sided 95 % limit).`) +
    (named.length === 0 ? '' : ` ${named.join('; ')}${flipped.length > named.length ? '; and others' : ''}.`)
  );
};

/**
 * Asks onnxruntime for `perTask` answers of every stage, drawn among all answers of its points that are on disk, each
 * with the same chance.
 */
export const askReferee = async (
  context: JobContext,
  stages: readonly Stage[],
  perTask: number,
): Promise<readonly RefereedAnswer[]> => {
  const { referee, steps, signal, meter } = context;
  if (referee === undefined) throw new Error('a sweep without a referee');
  const random = seededRandom(SEED);
  const answers: RefereedAnswer[] = [];
  for (const stage of stages) {
    const { model, task, items } = stage.measurement;
    meter.describe(`Asking onnxruntime about ${model.name} on ${task.name}`);
    const unpruned = { step: evaluationStep(stage.measurement, null), point: `${model.name}, ${task.name}, unpruned` };
    const points = stage.candidates.map((candidate) => {
      const { method, seed, factor } = namedPoint(stage, candidate);
      const drawn = seed === null ? '' : ` (seed ${String(seed)})`;
      return { step: candidate.step, point: `${model.name}, ${task.name}, ${method}${drawn} x${bareFactor(factor)}` };
    });
    const answered: { plan: Plan | null; point: string; outcomes: readonly ItemOutcome[] }[] = [];
    for (const [first] of Map.groupBy([unpruned, ...points], ({ step }) => step.key).values()) {
      const outcomes = (await first?.step.read(steps)) ?? null;
      if (first !== undefined && outcomes !== null)
        answered.push({ plan: first.step.plan, point: first.point, outcomes });
    }
    const drawn = new Map<(typeof answered)[number], Set<number>>();
    const wanted = Math.min(perTask, answered.length * items.length);
    for (let found = 0; found < wanted;) {
      const one = answered[random.integer(answered.length)];
      const index = random.integer(items.length);
      if (one === undefined) break;
      const own = drawn.get(one) ?? new Set();
      if (!own.has(index)) found += 1;
      drawn.set(one, own.add(index));
    }
    const runner = await referee.open(model.checkpoint);
    for (const [{ plan, point, outcomes }, chosen] of drawn) {
      const indices = [...chosen].sort((a, b) => a - b);
      const asked = indices.flatMap((index) => items[index] ?? []);
      const given = await answerItems(runner, task.task, asked, [{ key: 'referee', plan }], { signal });
      indices.forEach((index, at) => {
        const [before, after] = [outcomes[index], given.get('referee')?.[at]];
        if (before === undefined || after === undefined) throw new Error('an answer is missing');
        answers.push({ point, metric: task.task.metric, before, after });
      });
    }
  }
  return answers;
};
