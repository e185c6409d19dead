import { WorkbenchError } from '../contract/errors.ts';
import { memoryIn } from '../contract/model.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { NO_POSITIONS } from '../inference/fidelity.ts';
import { encodeEvaluation, evaluationRecord } from '../runs/evaluation-record.ts';
import type { Candidate } from '../inference/model-runner.ts';
import { hashItems } from '../tasks/items.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import type { RoundedModel, Running } from './rounded-models.ts';
import type { Step } from './step.ts';
import { evaluationKey, type Numerics, planContent, type WritingIdentity } from './step-key.ts';
import { MAX_GROUP, writingIdentity } from './write-items.ts';

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

/** The checkpoint that runs candidates, and each with the plan under which it runs there. */
export const runningModel = async (
  { model, rounded }: Measurement,
  candidates: readonly Candidate[],
): Promise<Running> => rounded?.running(candidates) ?? { checkpoint: model.checkpoint, candidates };

/**
 * Makes the measurements of a model, which share the memory and the speed of its device. `fidelity`: compare
 * distributions with the unpruned model's.
 */
export const measurementsOn = (
  { memoryBudgetBytes, keepsWhole, numerics }: JobContext,
  model: RunModel,
  fidelity = false,
): ((task: RunTask, items: readonly TaskItem[], work: number) => Promise<Measurement>) => {
  const { resident } = memoryIn(model.checkpoint.info, numerics.precision);
  const isStreamed = keepsWhole !== true && resident > memoryBudgetBytes;
  const sizer = createGroupSizer(isStreamed);
  return async (task, items, work) => {
    const writing = await writingIdentity(model.checkpoint, task.task);
    const compared = fidelity ? ({ fidelity: true } as const) : {};
    const itemsHash = hashItems(items);
    return { model, task, items, itemsHash, work, numerics, writing, ...compared, isStreamed, sizer };
  };
};

/** The step with the answers of a plan to items; `plan: null` is the unpruned model. */
export interface EvaluationStep extends Step<readonly ItemOutcome[]> {
  readonly plan: Plan | null;
}

/** @throws WorkbenchError `outcome-not-finite`. */
const requireFinite = (
  outcomes: readonly ItemOutcome[],
  { model, task }: Pick<Measurement, 'model' | 'task'>,
): void => {
  const numbersOf = (outcome: ItemOutcome): readonly number[] => {
    const { kl, reverseKl, changed, acceptance } = outcome.fidelity ?? NO_POSITIONS;
    const logprobs = outcome.kind === 'written' ? [] : outcome.kind === 'choice' ? outcome.logprobs : [outcome.logprob];
    return [...logprobs, kl, reverseKl, changed, acceptance];
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
 * A step that stores answers to the items of a measurement under a key. A stored record that names another model, other
 * items or another plan counts as missing.
 */
export const answersStep = (
  { model, task, itemsHash, work, rounded }: Pick<Measurement, 'model' | 'task' | 'itemsHash' | 'work' | 'rounded'>,
  key: string,
  plan: Plan | null,
): EvaluationStep => {
  const { name, fingerprint, info } = model.checkpoint;
  const weights = rounded?.type;
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
      const record = { model: { name, fingerprint }, task: task.task.name, items: itemsHash, plan, weights, outcomes };
      return steps.writeJson(key, encodeEvaluation(record));
    },
  };
};

/** The step of a plan on all items of a measurement. */
export const evaluationStep = (measurement: Measurement, plan: Plan | null): EvaluationStep => {
  const { model, itemsHash, numerics, writing, fidelity, rounded } = measurement;
  const { identity, info } = model.checkpoint;
  const weights = rounded?.type;
  const answered = { itemsHash, plan, numerics, writing, fidelity, weights };
  const key = evaluationKey({ model: identity, experts: info.experts, ...answered });
  return answersStep(measurement, key, plan);
};
