import type { ItemOutcome } from '../contract/outcome.ts';
import type { Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import {
  type CountsSoFar,
  countsSoFar,
  curtailedOrder,
  decidedVerdict,
  type PairedDesign,
  partEnds,
} from '../evaluation/curtailment.ts';
import { hashItems } from '../tasks/items.ts';
import { isWrittenItem } from '../tasks/task.ts';
import type { JobContext } from './job-context.ts';
import { answersStep, type EvaluationStep, evaluationStep, type Measurement, runningModel } from './measurement.ts';
import { partKey, writingKey } from './step-key.ts';
import { type Computation, computeSteps, reuseSteps } from './step.ts';
import { answerItems, writeAndCompare, writingCost } from './write-items.ts';

type Outcomes = readonly ItemOutcome[];

/** Called with the outcomes of a plan once they are on disk. */
type EvaluationDone = (step: EvaluationStep, outcomes: Outcomes) => Promise<void>;

/**
 * Lets plans answer items in groups that share layers. `sideBySide`: all plans at once, which is best for written
 * answers. `goesOn`: most plans will answer other items next.
 */
const answering = (
  { runners, meter, steps }: JobContext,
  measurement: Measurement,
  items: readonly TaskItem[],
  {
    sideBySide,
    goesOn = () => false,
    unpruned = evaluationStep(measurement, null),
  }: {
    sideBySide: boolean;
    goesOn?: (group: readonly EvaluationStep[]) => boolean;
    /** The step of the unpruned model with these items. */
    unpruned?: EvaluationStep;
  },
): Computation<EvaluationStep, Outcomes> => {
  const { model, task, itemsHash, fidelity, sizer, isStreamed, rounded } = measurement;
  const title = `Evaluating ${rounded?.name ?? model.name} on ${task.name}`;
  return {
    title,
    checkpoint: rounded === undefined ? model.checkpoint : null,
    groupSize: (missing) => {
      const most = sideBySide ? missing.length : sizer.next(missing[0]?.work ?? 0);
      return rounded === undefined ? most : Math.min(most, rounded.together(missing));
    },
    took: sideBySide ? undefined : sizer.took,
    compute: async (group, control) => {
      const { checkpoint, candidates } = await runningModel(measurement, group);
      const runner = await runners.open(checkpoint);
      const cost = sideBySide && isStreamed ? await writingCost(runner, items, candidates) : null;
      if (cost !== null) meter.describe(`${title}. ${cost}`);
      const run = { ...control, goesOn: goesOn(group) };
      if (fidelity !== true) return answerItems(runner, task.task, items, candidates, run);
      if (!items.some(isWrittenItem)) return runner.evaluate(items, candidates, { ...run, fidelity: itemsHash });
      const whole = await evaluationStep(measurement, null).read(steps);
      const byId = new Map(whole?.map((outcome) => [outcome.id, outcome]));
      const stored = whole === null ? await unpruned.read(steps) : items.flatMap(({ id }) => byId.get(id) ?? []);
      const texts = { stored, subject: unpruned.key };
      return writeAndCompare(runner, task.task, items, candidates, texts, run);
    },
  };
};

/**
 * Outcomes of every plan on all items: first those on disk, then the others. Before every group, `inOrder` gives the
 * best order for the remaining plans; outcomes do not depend on it. Keys are unique.
 */
export const evaluate = async (
  context: JobContext,
  measurement: Measurement,
  steps: readonly EvaluationStep[],
  done: EvaluationDone,
  inOrder: (missing: readonly EvaluationStep[]) => readonly EvaluationStep[] = (missing) => missing,
): Promise<void> => {
  const { items, isStreamed } = measurement;
  const missing = await reuseSteps(context, steps, done);
  const isWritten = items.some(isWrittenItem);
  // A streamed model reads all its weights for every token, so all its items are written at once.
  if (isWritten && !isStreamed && items.length > WRITTEN_AT_ONCE)
    await answerInParts(context, measurement, stretchesOf(measurement), inOrder(missing), { sideBySide: true, done });
  else {
    const how = answering(context, measurement, items, { sideBySide: isWritten });
    await computeSteps(context, missing, { ...how, inOrder }, done);
  }
};

/** Outcomes of plans with different keys, in their order. */
export const evaluateAll = async (
  context: JobContext,
  measurement: Measurement,
  steps: readonly EvaluationStep[],
): Promise<readonly Outcomes[]> => {
  const found = new Map<string, Outcomes>();
  await evaluate(context, measurement, steps, ({ key }, outcomes) => {
    found.set(key, outcomes);
    return Promise.resolve();
  });
  return steps.map(({ key }) => {
    const outcomes = found.get(key);
    if (outcomes === undefined) throw new Error(`no outcomes for step ${key}`);
    return outcomes;
  });
};

/** Outcomes of one plan; null: the unpruned model. */
export const evaluatePlan = async (
  context: JobContext,
  measurement: Measurement,
  plan: Plan | null,
): Promise<Outcomes> => (await evaluateAll(context, measurement, [evaluationStep(measurement, plan)]))[0] ?? [];

/** A part of a measurement's items; within the evaluation of each plan it is a separate step. */
interface Part {
  readonly indices: readonly number[];
  readonly items: readonly TaskItem[];
  stepOf(evaluation: EvaluationStep): EvaluationStep;
}

/** `keyOf`: the key of a part's step, from the key of the evaluation and the hash of the part's items. */
const partOf = (
  measurement: Measurement,
  indices: readonly number[],
  keyOf: (evaluation: string, itemsHash: string) => string,
): Part => {
  const items = indices.flatMap((index) => measurement.items[index] ?? []);
  const work = (measurement.work * items.length) / measurement.items.length;
  // Hashed only on request: a search for a threshold needs few parts.
  let hash: string | null = null;
  return {
    indices,
    items,
    stepOf: ({ key, plan }) => {
      const itemsHash = (hash ??= hashItems(items));
      return { ...answersStep({ ...measurement, itemsHash, work }, keyOf(key, itemsHash), plan), isPart: true };
    },
  };
};

/** Items that all plans write before their texts are stored: the most that a kill may lose. */
const WRITTEN_AT_ONCE = 128;

const stretchesOf = (measurement: Measurement): readonly Part[] => {
  const indices = measurement.items.map((_, index) => index);
  const starts = indices.filter((index) => index % WRITTEN_AT_ONCE === 0);
  return starts.map((from) => {
    const own = indices.slice(from, from + WRITTEN_AT_ONCE);
    return partOf(measurement, own, (evaluation) => writingKey(evaluation, from, own.length));
  });
};

/** The rule that stops a plan before it has answered every item. */
interface EarlyStop {
  /**
   * The counts that decide the verdict, or null while it is undecided. `outcomes`: by item, null where not yet
   * answered.
   */
  readonly decidedBy: (outcomes: readonly (ItemOutcome | null)[]) => CountsSoFar | null;
  readonly stopped: (step: EvaluationStep, counts: CountsSoFar) => Promise<void>;
}

interface PartlyAnswered {
  readonly step: EvaluationStep;
  readonly outcomes: (ItemOutcome | null)[];
  isComputed: boolean;
}

/**
 * Lets plans answer a measurement's items part by part, reading stored parts from disk. A plan that has answered all
 * becomes the same evaluation step as a whole measurement. Texts and scores do not depend on the parts.
 */
const answerInParts = async (
  context: JobContext,
  measurement: Measurement,
  parts: readonly Part[],
  steps: readonly EvaluationStep[],
  { sideBySide, done, stop }: { sideBySide: boolean; done: EvaluationDone; stop?: EarlyStop | undefined },
): Promise<void> => {
  const { meter, runners } = context;
  const countOnce = ({ isComputed }: PartlyAnswered): void => (isComputed ? meter.finish() : meter.reuse(0));
  const all = steps.map((step): PartlyAnswered => ({
    step,
    outcomes: measurement.items.map(() => null),
    isComputed: false,
  }));
  let open = all;
  for (const part of parts) {
    if (open.length === 0) break;
    const own = new Map(open.map((plan) => [part.stepOf(plan.step), plan]));
    const take = (step: EvaluationStep, outcomes: Outcomes, isComputed: boolean): void => {
      const plan = own.get(step);
      if (plan === undefined) throw new Error('a part of no plan');
      for (const [at, index] of part.indices.entries()) plan.outcomes[index] = outcomes[at] ?? null;
      plan.isComputed ||= isComputed;
    };
    const missing = await reuseSteps(context, [...own.keys()], take);
    // Alternating between plans would keep more of them open than one group may.
    const goesOn = (group: readonly EvaluationStep[]): boolean =>
      part !== parts.at(-1) && group.length === missing.length;
    const unpruned = part.stepOf(evaluationStep(measurement, null));
    const how = answering(context, measurement, part.items, { sideBySide, goesOn, unpruned });
    await computeSteps(context, missing, how, take);
    const still: PartlyAnswered[] = [];
    for (const plan of open) {
      const outcomes = plan.outcomes.flatMap((outcome) => outcome ?? []);
      if (outcomes.length === measurement.items.length) {
        await plan.step.write(context.steps, outcomes);
        countOnce(plan);
        await done(plan.step, outcomes);
        continue;
      }
      const counts = stop?.decidedBy(plan.outcomes) ?? null;
      if (stop === undefined || counts === null) {
        still.push(plan);
        continue;
      }
      countOnce(plan);
      await stop.stopped(plan.step, counts);
    }
    open = still;
  }
  if (all.some(({ isComputed }) => isComputed)) {
    const { checkpoint } = await runningModel(measurement, []);
    await (await runners.open(checkpoint)).releaseCandidates();
  }
};

/**
 * The parts of a measurement's items in the order of the unpruned model's margins: as cut on this machine, and as cut
 * on one with another amount of memory.
 */
const bothParts = (
  measurement: Measurement,
  baseline: readonly ItemOutcome[],
): { readonly own: readonly Part[]; readonly other: readonly Part[] } => {
  const { task, items, isStreamed } = measurement;
  const order = curtailedOrder(task.task.metric, baseline);
  const partsOf = (streamed: boolean): readonly Part[] => {
    const ends = partEnds(items.length, streamed);
    return ends.map((end, index) => partOf(measurement, order.slice(ends[index - 1] ?? 0, end), partKey));
  };
  return { own: partsOf(isStreamed), other: partsOf(!isStreamed) };
};

const hasBegun = async ({ steps }: JobContext, [first]: readonly Part[], step: EvaluationStep): Promise<boolean> =>
  first !== undefined && (await steps.has(first.stepOf(step).key, 'json'));

/** Plans that have answered only some of the items, in the order of a search for the threshold. */
export const begunSteps = async (
  context: JobContext,
  measurement: Measurement,
  baseline: readonly ItemOutcome[],
  steps: readonly EvaluationStep[],
): Promise<readonly EvaluationStep[]> => {
  const { own, other } = bothParts(measurement, baseline);
  const begun: EvaluationStep[] = [];
  for (const step of steps) {
    if (await context.steps.has(step.key, 'json')) continue;
    if ((await hasBegun(context, own, step)) || (await hasBegun(context, other, step))) begun.push(step);
  }
  return begun;
};

/**
 * Measures plans part by part of the items, side by side. A plan is `stopped` as soon as its answers decide that `test`
 * can only call it unsafe on all items, or `done` when it has answered all; without a test, all plans answer all items.
 * Stored parts are reused, also those of a machine with another amount of memory: every process stops a plan after the
 * same number of items. Keys are unique.
 */
export const evaluateEarly = async (
  context: JobContext,
  measurement: Measurement,
  baseline: readonly ItemOutcome[],
  steps: readonly EvaluationStep[],
  done: EvaluationDone,
  test?: { readonly design: PairedDesign; readonly delta: number; readonly stopped: EarlyStop['stopped'] },
): Promise<void> => {
  const { metric } = measurement.task.task;
  const stop: EarlyStop | undefined = test && {
    decidedBy: (outcomes) => {
      const counts = countsSoFar(metric, test.design, outcomes);
      return decidedVerdict({ metric, delta: test.delta }, test.design, counts) === 'unsafe' ? counts : null;
    },
    stopped: test.stopped,
  };
  const { own, other } = bothParts(measurement, baseline);
  const [here, elsewhere]: [EvaluationStep[], EvaluationStep[]] = [[], []];
  for (const step of await reuseSteps(context, steps, done)) {
    const isElsewhere = !(await hasBegun(context, own, step)) && (await hasBegun(context, other, step));
    (isElsewhere ? elsewhere : here).push(step);
  }
  await answerInParts(context, measurement, own, here, { sideBySide: false, done, stop });
  await answerInParts(context, measurement, other, elsewhere, { sideBySide: false, done, stop });
};
