import { z } from 'zod';
import { at, present, refuse, WorkbenchError } from '../contract/errors.ts';
import { memoryIn } from '../contract/model.ts';
import { fidelityNumbers, type ItemOutcome } from '../contract/outcome.ts';
import { isCompressedType } from '../contract/export.ts';
import { expertTypesOf, type Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import {
  type CountsSoFar,
  countsSoFar,
  curtailedOrder,
  decidedVerdict,
  type PairedDesign,
  partEnds,
} from '../evaluation/curtailment.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import type { Candidate } from '../inference/model-runner.ts';
import { evaluationRecord } from '../runs/evaluation-record.ts';
import { hashItems } from '../tasks/items.ts';
import { isWrittenItem } from '../tasks/task.ts';
import type { JobContext, Numerics, RunModel, RunTask } from './job-context.ts';
import type { RoundedModel, Running } from './rounded-models.ts';
import {
  type Computation,
  evaluationKey,
  partKey,
  planContent,
  reuseSteps,
  runSteps,
  type Step,
  type WritingIdentity,
  writingKey,
} from './step.ts';
import { openTokenCounter } from './task-work.ts';
import { answerItems, MAX_GROUP, writeAndCompare, writingCost, writingIdentity } from './write-items.ts';

/** Target time for a group of plans: the most that a kill may lose. */
const GROUP_TARGET_MS = 2_000;

/** Sizes groups by the speed of the last one. Numbers do not depend on the grouping. */
interface GroupSizer {
  next(work: number): number;
  took(work: number, elapsedMs: number): void;
}

/** `isStreamed`: all weights are read once per group, so groups are as large as possible. */
const createGroupSizer = (isStreamed: boolean): GroupSizer => {
  let millisecondsPerToken: number | null = null;
  return {
    next: (work) => {
      if (isStreamed) return MAX_GROUP;
      if (millisecondsPerToken === null) return 1;
      return Math.min(MAX_GROUP, Math.max(1, Math.floor(GROUP_TARGET_MS / (millisecondsPerToken * work))));
    },
    took: (work, elapsedMs) => {
      millisecondsPerToken = elapsedMs / work;
    },
  };
};

/** The items of a task on a model: together with a plan, they identify answers. */
export interface Measurement {
  readonly model: RunModel;
  /** The task as the model is asked it. */
  readonly task: RunTask;
  readonly items: readonly TaskItem[];
  /** Hash of the items, in order. */
  readonly itemsHash: string;
  /** Tokens per plan. */
  readonly work: number;
  readonly numerics: Numerics;
  /** Undefined where no answers are written. */
  readonly writing: WritingIdentity | undefined;
  /** Whether distributions are compared with the unpruned model's. */
  readonly fidelity?: true | undefined;
  /** The weights exceed the memory budget, so all of them are read once for each group of plans. */
  readonly isStreamed: boolean;
  readonly sizer: GroupSizer;
  /** The model with rounded weights that runs instead; undefined: as stored. */
  readonly rounded?: RoundedModel | undefined;
}

/** What identifies the answers of plans, without what computes them. */
export type AnsweredItems = Omit<Measurement, 'items' | 'isStreamed' | 'sizer' | 'rounded'> & {
  readonly rounded?: Pick<RoundedModel, 'type'> | undefined;
};

/** The checkpoint that runs candidates, and each with the plan under which it runs there. */
const runningModel = async ({ model, rounded }: Measurement, candidates: readonly Candidate[]): Promise<Running> =>
  rounded?.running(candidates) ?? { checkpoint: model.checkpoint, candidates };

/**
 * Makes the measurements of a model, which share the memory and the speed of its device. `fidelity`: compare
 * distributions with the unpruned model's.
 */
export const measurementsOn = (
  { memoryBudgetBytes, keepsWhole, numerics, judge }: JobContext,
  model: RunModel,
  fidelity = false,
): ((task: RunTask, items: readonly TaskItem[], work: number) => Promise<Measurement>) => {
  const { resident } = memoryIn(model.checkpoint.info, numerics.precision);
  const isStreamed = keepsWhole !== true && resident > memoryBudgetBytes;
  const sizer = createGroupSizer(isStreamed);
  return async (task, items, work) => {
    const writing = await writingIdentity(model.checkpoint, task.task, judge);
    const compared = fidelity ? ({ fidelity: true } as const) : {};
    const itemsHash = hashItems(items);
    return { model, task, items, itemsHash, work, numerics, writing, ...compared, isStreamed, sizer };
  };
};

/** A measurement of a model, whose tokens are counted here; refuses items that its tokenizer cannot score. */
export const measurementOf = async (
  context: JobContext,
  model: RunModel,
  task: RunTask,
  items: readonly TaskItem[],
): Promise<Measurement> => {
  const count = await openTokenCounter(model.checkpoint, context.signal);
  return measurementsOn(context, model)(task, items, await count.scoring(items));
};

type Outcomes = readonly ItemOutcome[];

/** The step with the answers of a plan to items; `plan: null` is the unpruned model. */
export interface EvaluationStep extends Step<Outcomes> {
  readonly plan: Plan | null;
}

/** @throws WorkbenchError `outcome-not-finite`. */
const requireFinite = (outcomes: Outcomes, { model, task }: Pick<Measurement, 'model' | 'task'>): void => {
  const numbersOf = (outcome: ItemOutcome): readonly number[] => {
    const { fidelity } = outcome;
    const logprobs = outcome.kind === 'written' ? [] : outcome.kind === 'choice' ? outcome.logprobs : [outcome.logprob];
    return fidelity === undefined ? logprobs : [...logprobs, ...fidelityNumbers(fidelity)];
  };
  const broken = outcomes.find((outcome) => !numbersOf(outcome).every(Number.isFinite));
  if (broken === undefined) return;
  throw new WorkbenchError(
    'outcome-not-finite',
    'failed',
    `${model.name} gives a log-probability or a KL that is not finite for item "${broken.id}" of ${task.name}.`,
    'Check its weights and precision: numbers overflow.',
  );
};

/**
 * The step of a plan on all items of a measurement; `ownKey`: its key where more than these fields identifies the
 * answers. A stored record that names another model, other items or another plan counts as missing.
 */
export const evaluationStep = (
  { model, task, itemsHash, work, numerics, writing, fidelity, rounded }: AnsweredItems,
  plan: Plan | null,
  ownKey?: string,
): EvaluationStep => {
  const { name, identity, fingerprint, info } = model.checkpoint;
  const weights = rounded?.type;
  if (plan !== null && expertTypesOf(plan) !== undefined && (weights === undefined || isCompressedType(weights)))
    throw refuse(
      'types-by-layer',
      'The plan gives the experts of each layer a type of their own: its numbers are those of a GGUF file.',
      'Measure it with --weights of a type of GGUF files, or leave "expertTypes" out of the plan.',
    );
  const answers = { model: identity, experts: info.experts, itemsHash, plan, numerics, writing, fidelity, weights };
  const key = ownKey ?? evaluationKey(answers);
  return {
    key,
    plan,
    work,
    read: async (steps) => {
      const textOf = (ran: Plan | null): string => canonicalJson(planContent(ran, info.experts));
      const wanted = textOf(plan);
      const own = evaluationRecord.refine(
        (record) =>
          record.model.fingerprint === fingerprint &&
          record.items === itemsHash &&
          record.weights === weights &&
          textOf(record.plan) === wanted,
      );
      return (await steps.readJson(key, own))?.outcomes ?? null;
    },
    write: (steps, outcomes) => {
      requireFinite(outcomes, { model, task });
      const ran = { model: { name, fingerprint }, task: task.task.name, items: itemsHash, plan, weights, outcomes };
      return steps.writeJson(key, z.encode(evaluationRecord, { kind: 'evaluation', ...ran }));
    },
  };
};

/** Called with the outcomes of a plan once they are on disk. */
type EvaluationDone = (step: EvaluationStep, outcomes: Outcomes) => Promise<void>;

/**
 * Lets plans answer items in groups that share layers. `sideBySide`: all plans at once, which is best for written
 * answers. `goesOn`: most plans will answer other items next.
 */
const answering = (
  { runners, meter, steps, judge }: JobContext,
  measurement: Measurement,
  items: readonly TaskItem[],
  {
    sideBySide,
    goesOn = false,
    unpruned = evaluationStep(measurement, null),
  }: {
    sideBySide: boolean;
    goesOn?: boolean;
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
      const most = sideBySide ? missing.length : sizer.next(at(missing, 0).work);
      return rounded === undefined ? most : Math.min(most, rounded.together(missing));
    },
    took: sideBySide ? undefined : sizer.took,
    compute: async (group, control, isAlone) => {
      const { checkpoint, candidates } = await runningModel(measurement, group);
      const runner = await runners.open(checkpoint);
      const cost = sideBySide && isStreamed ? await writingCost(runner, items, candidates) : null;
      if (cost !== null) meter.describe(`${title}. ${cost}`);
      // Alternating between plans would keep more of them open than one group may.
      const run = { ...control, goesOn: goesOn && isAlone, judge };
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
  const sideBySide = items.some(isWrittenItem);
  // A streamed model reads all its weights for every token, so all its items are written at once.
  if (sideBySide && !isStreamed && items.length > WRITTEN_AT_ONCE) {
    const missing = inOrder(await reuseSteps(context, steps, done));
    await answerInParts(context, measurement, stretchesOf(measurement), missing, { sideBySide, done });
  } else {
    const how = answering(context, measurement, items, { sideBySide });
    await runSteps(context, steps, { ...how, inOrder }, done);
  }
};

/** The steps, each key once: the last of it. */
export const uniqueSteps = (steps: readonly EvaluationStep[]): readonly EvaluationStep[] => [
  ...new Map(steps.map((step) => [step.key, step])).values(),
];

/** Outcomes of plans, in their order; plans that keep the same experts answer once. */
export const evaluateAll = async (
  context: JobContext,
  measurement: Measurement,
  steps: readonly EvaluationStep[],
): Promise<readonly Outcomes[]> => {
  const found = new Map<string, Outcomes>();
  await evaluate(context, measurement, uniqueSteps(steps), ({ key }, outcomes) => {
    found.set(key, outcomes);
    return Promise.resolve();
  });
  return steps.map(({ key }) => present(found.get(key), `no outcomes for step ${key}`));
};

/** Outcomes of one plan; null: the unpruned model. */
export const evaluatePlan = async (
  context: JobContext,
  measurement: Measurement,
  plan: Plan | null,
): Promise<Outcomes> => at(await evaluateAll(context, measurement, [evaluationStep(measurement, plan)]), 0);

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
      return { ...evaluationStep({ ...measurement, itemsHash, work }, plan, keyOf(key, itemsHash)), isPart: true };
    },
  };
};

/** Items that all plans write before their texts are stored: the most that a kill may lose. */
const WRITTEN_AT_ONCE = 128;

const stretchesOf = (measurement: Measurement): readonly Part[] => {
  const indices = measurement.items.map((_, index) => index);
  const starts = indices.filter((index) => index % WRITTEN_AT_ONCE === 0);
  return starts.map((from) => {
    const partIndices = indices.slice(from, from + WRITTEN_AT_ONCE);
    return partOf(measurement, partIndices, (evaluation) => writingKey(evaluation, from, partIndices.length));
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
    const planOfStep = new Map(open.map((plan) => [part.stepOf(plan.step), plan]));
    const take = (step: EvaluationStep, outcomes: Outcomes, isComputed: boolean): void => {
      const plan = present(planOfStep.get(step), 'a part of no plan');
      for (const [at, index] of part.indices.entries()) plan.outcomes[index] = outcomes[at] ?? null;
      plan.isComputed ||= isComputed;
    };
    const goesOn = part !== parts.at(-1);
    const unpruned = part.stepOf(evaluationStep(measurement, null));
    const how = answering(context, measurement, part.items, { sideBySide, goesOn, unpruned });
    await runSteps(context, [...planOfStep.keys()], how, take);
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
