import type { Refereed } from '../contract/export.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { Plan } from '../contract/plan.ts';
import type { MetricName } from '../contract/task.ts';
import { isRight } from '../evaluation/item-answers.ts';
import { upperLimit } from '../statistics/p-values.ts';
import type { ModelRunner } from '../inference/model-runner.ts';
import { type RandomSource, seededRandom } from '../statistics/random.ts';
import { bareFactor } from '../words/numbers.ts';
import type { JobContext, RunTask } from './job-context.ts';
import { evaluationStep } from './measurement.ts';
import { namedPoint, type Stage } from './sweep-stages.ts';
import { answerItems } from './write-items.ts';

/** Fixed: the same sweep always asks about the same answers. */
const SEED = 0;

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

/** Counts answers that differ; those of texts, which have a likelihood only, are left out. */
export const refereeFindings = (answers: readonly RefereedAnswer[], precision: string): Refereed => {
  const judged = answers.filter(({ before }) => before.kind !== 'text');
  const flips = judged.filter(isFlipped).map(({ point, before, after }): Refereed['flips'][number] => ({
    point,
    item: before.id,
    margins: [marginOf(before), marginOf(after)],
  }));
  const atMost = judged.length === 0 ? null : upperLimit(flips.length, judged.length);
  return { precision, seed: SEED, answers: judged.length, atMost, flips };
};

/** `wanted` of the answers of some points to the same items, each with the same chance: indices of items, by point. */
const drawAnswers = (
  { points, items, wanted }: { readonly points: number; readonly items: number; readonly wanted: number },
  random: RandomSource,
): ReadonlyMap<number, readonly number[]> => {
  const drawn = new Map<number, Set<number>>();
  for (let found = 0; found < Math.min(wanted, points * items);) {
    const point = random.integer(points);
    const index = random.integer(items);
    const drawnOfPoint = drawn.get(point) ?? new Set();
    if (!drawnOfPoint.has(index)) found += 1;
    drawn.set(point, drawnOfPoint.add(index));
  }
  return new Map([...drawn].map(([point, set]) => [point, [...set].sort((a, b) => a - b)]));
};

/** Lets one engine work with the runner of an export. */
export type WithRunner = <T>(work: (runner: ModelRunner) => Promise<T>) => Promise<T>;

/** An export's answers to `perTask` test items of every task, drawn at random, in PyTorch and then in onnxruntime. */
export const refereeExport = async (
  tasks: readonly RunTask[],
  perTask: number,
  engines: { readonly torch: WithRunner; readonly onnxruntime: WithRunner },
  signal: AbortSignal,
): Promise<readonly RefereedAnswer[]> => {
  const random = seededRandom(SEED);
  const asked = tasks.map(({ name, task }) => {
    const drawn = drawAnswers({ points: 1, items: task.test.length, wanted: perTask }, random).get(0) ?? [];
    return { name, task, items: drawn.flatMap((index) => task.test[index] ?? []) };
  });
  const answered = async (runner: ModelRunner): Promise<readonly (readonly ItemOutcome[])[]> => {
    const given: (readonly ItemOutcome[])[] = [];
    for (const { task, items } of asked) {
      const outcomes = await answerItems(runner, task, items, [{ key: 'export', plan: null }], { signal });
      given.push(outcomes.get('export') ?? []);
    }
    return given;
  };
  const [ours, theirs] = [await engines.torch(answered), await engines.onnxruntime(answered)];
  return asked.flatMap(({ name, task: { metric }, items }, at) =>
    items.map((_, index) => {
      const [before, after] = [ours[at]?.[index], theirs[at]?.[index]];
      if (before === undefined || after === undefined) throw new Error('an answer is missing');
      return { point: name, metric, before, after };
    }),
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
  const { referee, steps, signal, meter, judge } = context;
  if (referee === undefined) throw new Error('a sweep without a referee');
  const random = seededRandom(SEED);
  const answers: RefereedAnswer[] = [];
  for (const stage of stages) {
    const { model, task, items } = stage.measurement;
    meter.describe(`Asking onnxruntime about ${model.name} on ${task.name}`);
    const unpruned = { step: evaluationStep(stage.measurement, null), point: `${model.name}, ${task.name}, unpruned` };
    const points = stage.candidates.map((candidate) => {
      const { method, seed, factor } = namedPoint(stage, candidate);
      const drawn = seed === null ? '' : ` (seed ${seed})`;
      return { step: candidate.step, point: `${model.name}, ${task.name}, ${method}${drawn} x${bareFactor(factor)}` };
    });
    const answered: { plan: Plan | null; point: string; outcomes: readonly ItemOutcome[] }[] = [];
    for (const [first] of Map.groupBy([unpruned, ...points], ({ step }) => step.key).values()) {
      const outcomes = (await first?.step.read(steps)) ?? null;
      if (first !== undefined && outcomes !== null)
        answered.push({ plan: first.step.plan, point: first.point, outcomes });
    }
    const order = { points: answered.length, items: items.length, wanted: perTask };
    const runner = await referee.open(model.checkpoint);
    for (const [at, indices] of drawAnswers(order, random)) {
      const { plan, point, outcomes } = answered[at] ?? { plan: null, point: '', outcomes: [] };
      const asked = indices.flatMap((index) => items[index] ?? []);
      const given = await answerItems(runner, task.task, asked, [{ key: 'referee', plan }], { signal, judge });
      indices.forEach((index, turn) => {
        const [before, after] = [outcomes[index], given.get('referee')?.[turn]];
        if (before === undefined || after === undefined) throw new Error('an answer is missing');
        answers.push({ point, metric: task.task.metric, before, after });
      });
    }
  }
  return answers;
};
