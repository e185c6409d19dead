import { createHash } from 'node:crypto';
import type { RoundedType } from '../contract/export.ts';
import { type DropPlan, isMergePlan, type MethodName, type Plan, type RefitName } from '../contract/plan.ts';
import type { MetricName } from '../contract/task.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { STATISTICS } from '../workspace/profile-file.ts';
import type { JudgingRule } from '../tasks/generation/judging.ts';

/**
 * Version of the numbers: raised when graphs, sums or scoring rules change a step's result, so that steps of an older
 * engine are computed again and not mixed with new ones.
 */
export const NUMERICS_VERSION = 1;

/** Version of the stored files: a step of an older format is computed again, not misread. */
const STEP_FORMAT = 2;

/** Properties of the engine and its device that may change a number. */
export interface Numerics {
  readonly version: number;
  readonly runtime: string;
  readonly provider: string;
  readonly precision: string;
}

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
  if (isMergePlan(plan)) return content;
  const kept = plan.kept.map((layer) => [...layer].sort((a, b) => a - b));
  const isUnpruned = Object.keys(content).length === 1 && kept.every((layer) => layer.length === experts);
  return isUnpruned ? null : { ...content, kept };
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
}

/** Candidates with the same kept experts share a key, whatever their method. */
export const evaluationKey = ({
  model,
  experts,
  itemsHash,
  plan,
  numerics,
  writing,
  fidelity,
  weights,
}: EvaluationIdentity): string =>
  stepKey({
    kind: 'evaluation',
    model,
    items: itemsHash,
    plan: planContent(plan, experts),
    numerics,
    writing,
    fidelity,
    weights,
  });

/** Key of a part of an evaluation's items, which a search for a threshold answers at a time. */
export const partKey = (evaluation: string, itemsHash: string): string =>
  stepKey({ kind: 'evaluation-part', evaluation, items: itemsHash });

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
}

export const searchKey = ({ itemsHash, ...identity }: SearchIdentity): string =>
  stepKey({ kind: 'search', items: itemsHash, ...identity });

export interface RecoveryIdentity {
  readonly model: string;
  readonly experts: number;
  /** Hash of the calibration items. */
  readonly itemsHash: string;
  readonly plan: Plan;
  readonly refit: RefitName;
  readonly numerics: Numerics;
}

export const recoveryKey = ({ model, experts, itemsHash, plan, refit, numerics }: RecoveryIdentity): string =>
  stepKey({ kind: 'recovery', model, items: itemsHash, plan: planContent(plan, experts), numerics, refit });

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
