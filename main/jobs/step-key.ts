import { createHash } from 'node:crypto';
import { type DropPlan, isMergePlan, type MethodName, type Plan, type RefitName } from '../contract/plan.ts';
import type { MetricName } from '../contract/task.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { STATISTICS } from '../workspace/profile-file.ts';
import type { JudgingRule } from '../tasks/generation/judging.ts';
import type { ProgressMeter } from './progress-meter.ts';

/**
 * Version of the numbers: raised whenever graphs, sums or scoring rules change what a step computes, so that steps of
 * an older engine are computed again instead of being mixed with new ones.
 */
export const NUMERICS_VERSION = 1;

/** Version of the files that steps are stored in: one of an older form is computed again, not misread. */
const STEP_FORMAT = 2;

/** What computes: everything about it that may change a number. */
export interface Numerics {
  readonly version: number;
  readonly runtime: string;
  readonly provider: string;
  readonly precision: string;
}

/** SHA-256 (hexadecimal) over all that a step's result depends on. */
export const stepKey = (identity: Readonly<Record<string, unknown>>): string =>
  createHash('sha256')
    .update(canonicalJson({ format: STEP_FORMAT, ...identity }))
    .digest('hex');

/** What of a plan says only where it came from. Whatever else a plan may hold changes numbers. */
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
 * What of a plan changes numbers: kept experts in ascending order (a drop renumbers, it does not reorder), or merge
 * groups and how they merge. A plan that only keeps every expert is the unpruned model.
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
  /** Of a task whose answers are written. */
  readonly writing?: WritingIdentity | undefined;
}

/** What decides beside items and plan what is written, and what is right of it. */
export interface WritingIdentity {
  readonly judging: JudgingRule;
  /** End tokens, ascending, and the one that is a stop string. */
  readonly endTokens: readonly number[];
  readonly endText: string | null;
}

/** Candidates with the same kept experts share a key, whatever method found them. */
export const evaluationKey = ({ model, experts, itemsHash, plan, numerics, writing }: EvaluationIdentity): string =>
  stepKey({
    kind: 'evaluation',
    model,
    items: itemsHash,
    plan: planContent(plan, experts),
    numerics,
    writing,
  });

/** Of a part of an evaluation's items, which a search for a threshold answers at a time. */
export const partKey = (evaluation: string, itemsHash: string): string =>
  stepKey({ kind: 'evaluation-part', evaluation, items: itemsHash });

/** Of a stretch of an evaluation's items that are written, from one on. */
export const writingKey = (evaluation: string, from: number, items: number): string =>
  stepKey({ kind: 'writing', evaluation, from, items });

export interface SearchIdentity {
  readonly model: string;
  /** Hash of the calibration items. */
  readonly itemsHash: string;
  readonly method: MethodName;
  readonly options: Readonly<Record<string, unknown>>;
  readonly keep: number;
  /** Null of a search that draws nothing. */
  readonly seed: number | null;
  /** Of a search that measures its candidates. */
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
  /** With the tokenizer, which makes the tokens that are trained on. */
  readonly model: string;
  readonly experts: number;
  readonly plan: Plan | null;
  /** Hash of the calibration items, which are trained on. */
  readonly calibrationHash: string;
  readonly itemsHash: string;
  /** Those that decide (decisiveSettings). */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Hash of what a general stage learns from, where there is one. */
  readonly mixture?: string | undefined;
  /** Versions of what trains. */
  readonly python: Readonly<Record<string, string>>;
  readonly threads: number;
  readonly numerics: Numerics;
  readonly writing?: WritingIdentity | undefined;
}

/** Of a fine-tuned arm: how its training went, and what it answered. */
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

/** The statistics that profiles hold are part of it: a profile made before one was added is made again. */
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

/** The sentence of stepSummary. */
export const STEP_SUMMARY = /^\d+ of \d+ steps? computed, \d+ reused from disk\.$/;

/** What a finished job really did, so that one that only read from disk does not pretend work. */
export const stepSummary = ({ computed, reused }: Pick<ProgressMeter, 'computed' | 'reused'>): string => {
  const total = computed + reused;
  const steps = total === 1 ? 'step' : 'steps';
  return `${String(computed)} of ${String(total)} ${steps} computed, ${String(reused)} reused from disk.`;
};
