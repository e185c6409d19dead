import { createHash } from 'node:crypto';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { at, CancelledError, present } from '../contract/errors.ts';
import type { RoundedType } from '../contract/export.ts';
import {
  type DropPlan,
  type GatesName,
  isMergePlan,
  type MethodName,
  type Plan,
  type RefitName,
  type SuperExpertProtection,
} from '../contract/plan.ts';
import type { MetricName } from '../contract/task.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import type { RunControl } from '../inference/model-runner.ts';
import type { JudgingRule } from '../tasks/generation/judging.ts';
import { STATISTICS } from '../workspace/profile-file.ts';
import type { StepStore } from '../workspace/step-store.ts';
import type { JobContext, Numerics } from './job-context.ts';

/**
 * Version of the numbers: raised when graphs, sums or scoring rules change a step's result, so that steps of an older
 * engine are computed again and not mixed with new ones.
 */
export const NUMERICS_VERSION = 1;

/** Version of the stored files: a step of an older format is computed again, not misread. */
const STEP_FORMAT = 2;

/** SHA-256 (hexadecimal) of everything that a step's result depends on. */
export const stepKey = (identity: Readonly<Record<string, unknown>>): string =>
  createHash('sha256')
    .update(canonicalJson({ format: STEP_FORMAT, ...identity }))
    .digest('hex');

/** Plan fields that only record provenance. All others change numbers. */
const PROVENANCE: ReadonlySet<string> = new Set<keyof DropPlan>([
  'method',
  'options',
  'seed',
  'model',
  'tasks',
  'experts',
  'topK',
  'factor',
  'budget',
  'pins',
  'protect',
  'taskWeights',
]);

/**
 * The part of a plan that changes numbers: kept experts in ascending order (a drop renumbers, it does not reorder), or
 * merge groups and their merging. A plan that only keeps every expert equals the unpruned model.
 */
export const planContent = (plan: Plan | null, experts: number): unknown => {
  if (plan === null) return null;
  const content = Object.fromEntries(
    Object.entries(plan).filter(([name, value]) => !PROVENANCE.has(name) && value !== undefined),
  );
  if (!changesGates(plan, experts)) delete content['gates'];
  if (isMergePlan(plan)) return content;
  const kept = plan.kept.map((layer) => [...layer].sort((a, b) => a - b));
  const isUnpruned = Object.keys(content).length === 1 && kept.every((layer) => layer.length === experts);
  return isUnpruned ? null : { ...content, kept };
};

/** Whether a plan's gates differ from those that deleting rows leaves: plans without the field mean these. */
const changesGates = (plan: Plan, experts: number): boolean => {
  if (plan.gates === undefined || plan.gates.kind === 'renormalised') return false;
  if (plan.gates.kind === 'folded') return plan.gates.factors.flat().some((factor) => factor !== 1);
  return isMergePlan(plan) || plan.kept.some((layer) => layer.length < experts);
};

export interface EvaluationIdentity {
  /** The model and its tokenizer: Checkpoint.identity. */
  readonly model: string;
  readonly experts: number;
  /** Hash of the items that are scored, in order. */
  readonly itemsHash: string;
  readonly plan: Plan | null;
  readonly numerics: Numerics;
  /** Undefined where no answers are written. */
  readonly writing?: WritingIdentity | undefined;
  /** Whether distributions are compared with the unpruned model's; absent where not. */
  readonly fidelity?: true | undefined;
  /** Type as which the weights are rounded; undefined: as stored. */
  readonly weights?: RoundedType | undefined;
}

/** With items and plan, determines which texts are written and which of them are right. */
export interface WritingIdentity {
  readonly judging: JudgingRule;
  /** End tokens, ascending, and the end token that is a stop string. */
  readonly endTokens: readonly number[];
  readonly endText: string | null;
  /** How tokens are drawn; absent: the likeliest is taken. */
  readonly sampler?: string | undefined;
  /** SHA-256 of the Python that judges; absent: none does. */
  readonly judgedBy?: string | undefined;
  /** Where prompts begin with the text of the BOS token: they have it once. */
  readonly prefix?: 'once' | undefined;
}

/** Candidates with the same kept experts share a key, whatever their method. */
export const evaluationKey = ({ experts, itemsHash, plan, ...identity }: EvaluationIdentity): string =>
  stepKey({ kind: 'evaluation', items: itemsHash, plan: planContent(plan, experts), ...identity });

/** Key of a part of an evaluation's items, which a search for a threshold answers at a time. */
export const partKey = (evaluation: string, itemsHash: string): string =>
  stepKey({ kind: 'evaluation-part', evaluation, items: itemsHash });

/** Key of the choice that a search for the best model that fits has made on a model's items. */
export const choiceKey = (model: string, itemsHash: string, run: string): string =>
  stepKey({ kind: 'fit-choice', model, items: itemsHash, run });

/**
 * Key of an evaluation on test items that a choice among candidates came before. `choice`: the hash of what was chosen,
 * without which nobody can have computed the answers under this key.
 */
export const chosenKey = (evaluation: string, choice: string): string =>
  stepKey({ kind: 'evaluation-after-choice', evaluation, choice });

/** Key of consecutive written items of an evaluation: `items` of them from index `from` on. */
export const writingKey = (evaluation: string, from: number, items: number): string =>
  stepKey({ kind: 'writing', evaluation, from, items });

export interface SearchIdentity {
  readonly model: string;
  /** Hash of the calibration items. */
  readonly itemsHash: string;
  readonly method: MethodName;
  readonly options: Readonly<Record<string, unknown>>;
  readonly keep: number;
  /** Null where the search is deterministic. */
  readonly seed: number | null;
  /** Null where the search measures no candidates. */
  readonly metric: MetricName | null;
  readonly numerics: Numerics;
  readonly writing?: WritingIdentity | undefined;
  /** Gates of the candidates, where they are not those of a plain deletion. */
  readonly gates?: GatesName | undefined;
}

export const searchKey = ({ itemsHash, ...identity }: SearchIdentity): string =>
  stepKey({ kind: 'search', items: itemsHash, ...identity });

/** Losses of single layers: of plans of a method made from the profile of calibration items. */
export interface LayerLossesIdentity {
  readonly model: string;
  /** Hash of the calibration items. */
  readonly itemsHash: string;
  /** How many of them are measured. */
  readonly measured: number;
  readonly method: MethodName;
  readonly options: Readonly<Record<string, unknown>>;
  readonly protect: SuperExpertProtection;
  /** Null where deleting experts does not change the gates. */
  readonly gates: GatesName | null;
  /** Null where the method draws nothing. */
  readonly seed: number | null;
  readonly numerics: Numerics;
}

export const layerLossesKey = ({ itemsHash, ...identity }: LayerLossesIdentity): string =>
  stepKey({ kind: 'layer-losses', items: itemsHash, ...identity });

export interface RecoveryIdentity {
  readonly model: string;
  readonly experts: number;
  /** Hash of the calibration items. */
  readonly itemsHash: string;
  readonly plan: Plan;
  readonly refit: RefitName;
  readonly numerics: Numerics;
}

export const recoveryKey = ({ experts, itemsHash, plan, ...identity }: RecoveryIdentity): string =>
  stepKey({ kind: 'recovery', items: itemsHash, plan: planContent(plan, experts), ...identity });

export interface TunedIdentity {
  /** Includes the tokenizer, which determines the training tokens. */
  readonly model: string;
  readonly experts: number;
  readonly plan: Plan | null;
  /** Hash of the calibration items, on which the arm is trained. */
  readonly calibrationHash: string;
  readonly itemsHash: string;
  /** Settings that change weights (decisiveSettings). */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Hash of the general stage's mixture, where there is one. */
  readonly mixture?: string | undefined;
  /** Versions of the packages that train. */
  readonly python: Readonly<Record<string, string>>;
  readonly threads: number;
  readonly numerics: Numerics;
  readonly writing?: WritingIdentity | undefined;
}

/** Keys of a fine-tuned arm: for its losses, and for its answers. */
export const tunedKeys = ({
  experts,
  plan,
  calibrationHash,
  itemsHash,
  ...rest
}: TunedIdentity): { readonly training: string; readonly evaluation: string } => {
  const content = planContent(plan, experts);
  const identity = { ...rest, plan: content, calibration: calibrationHash, items: itemsHash };
  return {
    training: stepKey({ kind: 'tuned', ...identity }),
    evaluation: stepKey({ kind: 'tuned-evaluation', ...identity }),
  };
};

/** The names of the statistics are part of the key: a profile that lacks a new one is made again. */
export const profileKey = (
  model: string,
  itemsHash: string,
  numerics: Numerics,
  extras: readonly string[] = [],
): string =>
  stepKey({
    kind: 'profile',
    model,
    items: itemsHash,
    statistics: STATISTICS.map(({ name }) => name),
    numerics,
    ...(extras.length === 0 ? {} : { extras }),
  });

/** Key of the profiles of draws of a profile's items; `times`: how often each item counts in each draw. */
export const drawnProfilesKey = (profile: string, times: readonly (readonly number[])[]): string =>
  stepKey({ kind: 'drawn-profiles', profile, times });

/** A result that is computed once: its identity, its work, and its storage. */
export interface Step<Result> {
  /** Hash of everything that the result depends on. */
  readonly key: string;
  /** In tokens: determines its share of a job's time. */
  readonly work: number;
  /** A part of another step; the summary of a job does not count it. */
  readonly isPart?: boolean;
  /** The stored result, or null where the step was not computed. */
  read(steps: StepStore): Promise<Result | null>;
  write(steps: StepStore, result: Result): Promise<void>;
}

/** Computes steps that are not on disk, group by group. */
export interface Computation<S, Result> {
  /** Shown during the computation. */
  readonly title: string;
  /** Opened before the time of a group is measured; null: the computation opens models itself. */
  readonly checkpoint: Checkpoint | null;
  /** The best order of the remaining steps; called before each group. */
  readonly inOrder?: ((missing: readonly S[]) => readonly S[]) | undefined;
  /** Number of remaining steps to compute together. */
  readonly groupSize: (missing: readonly S[]) => number;
  /** Called with the work of a group and its time. */
  readonly took?: ((work: number, elapsedMs: number) => void) | undefined;
  /** Results by key; `isAlone`: one group has everything that is computed. */
  readonly compute: (
    group: readonly S[],
    control: RunControl,
    isAlone: boolean,
  ) => Promise<ReadonlyMap<string, Result>>;
}

/** Called once the result of a step is on disk; `isComputed`: whether it was computed just now. */
export type StepDone<S, Result> = (step: S, result: Result, isComputed: boolean) => Promise<void> | void;

/** A future step, whose identity may depend on the results of others. */
export type PlannedStep = Pick<Step<unknown>, 'work'>;

/** Total work of a job's steps. */
export const totalWork = (steps: readonly PlannedStep[]): number => steps.reduce((sum, { work }) => sum + work, 0);

const countOf = (steps: readonly Pick<Step<unknown>, 'isPart'>[]): number =>
  steps.filter(({ isPart }) => isPart !== true).length;

/** Reads steps that are on disk; returns those that are not. */
export const reuseSteps = async <Result, S extends Step<Result>>(
  { steps: store, meter }: JobContext,
  steps: readonly S[],
  done: StepDone<S, Result>,
): Promise<readonly S[]> => {
  const missing: S[] = [];
  for (const step of steps) {
    const stored = await step.read(store);
    if (stored === null) {
      missing.push(step);
      continue;
    }
    meter.reuse(step.work, countOf([step]));
    await done(step, stored, false);
  }
  return missing;
};

/**
 * Results of steps with different keys: what is on disk comes back, what is missing is computed in groups. All results
 * of a group are on disk before the first `done`.
 */
export const runSteps = async <Result, S extends Step<Result>>(
  context: JobContext,
  steps: readonly S[],
  { title, checkpoint, inOrder = (left) => left, groupSize, took, compute }: Computation<S, Result>,
  done: StepDone<S, Result>,
): Promise<void> => {
  const { steps: store, meter, signal, runners, now } = context;
  let missing = await reuseSteps(context, steps, done);
  const all = missing.length;
  while (missing.length > 0) {
    if (signal.aborted) throw new CancelledError('The run');
    meter.describe(title);
    if (checkpoint !== null) await runners.open(checkpoint);
    missing = inOrder(missing);
    const group = missing.slice(0, groupSize(missing));
    missing = missing.slice(group.length);
    const [work, startedAt] = [totalWork(group), now()];
    meter.begin(work);
    const onProgress = (part: number, total: number): void => meter.advance(part / total);
    const results = await compute(group, { signal, onProgress }, group.length === all);
    took?.(work, now() - startedAt);
    const resultOf = ({ key }: S): Result => present(results.get(key), `no result for step ${key}`);
    for (const step of group) await step.write(store, resultOf(step));
    meter.finish(countOf(group));
    for (const step of group) await done(step, resultOf(step), true);
  }
};

export interface SingleStep<Result>
  extends Step<Result>, Pick<Computation<Step<Result>, Result>, 'title' | 'checkpoint'> {
  compute(control: RunControl): Promise<Result>;
}

/** The result of a step: read from disk, or computed and stored. */
export const runStep = async <Result>(context: JobContext, step: SingleStep<Result>): Promise<Result> => {
  const { key, title, checkpoint } = step;
  const results: Result[] = [];
  const compute: Computation<SingleStep<Result>, Result>['compute'] = async (_, control) =>
    new Map([[key, await step.compute(control)]]);
  await runSteps(context, [step], { title, checkpoint, groupSize: () => 1, compute }, (_, result) => {
    results.push(result);
  });
  return at(results, 0, `no result for step ${key}`);
};
