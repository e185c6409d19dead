import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { CancelledError } from '../contract/errors.ts';
import type { RunControl } from '../inference/model-runner.ts';
import type { StepStore } from '../workspace/step-store.ts';
import type { JobContext } from './job-context.ts';
import type { ProgressMeter } from './progress-meter.ts';

/** A result that is computed once: its identity, its work, and its storage. */
export interface Step<Result> {
  /** Hash of everything that the result depends on (step-key.ts). */
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
  /** Results by key. */
  readonly compute: (group: readonly S[], control: RunControl) => Promise<ReadonlyMap<string, Result>>;
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

/** Computes steps with different keys in groups; all results of a group are on disk before the first `done`. */
export const computeSteps = async <Result, S extends Step<Result>>(
  { steps: store, meter, signal, runners, now }: JobContext,
  steps: readonly S[],
  { title, checkpoint, inOrder = (left) => left, groupSize, took, compute }: Computation<S, Result>,
  done: StepDone<S, Result>,
): Promise<void> => {
  let missing = steps;
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
    const results = await compute(group, { signal, onProgress });
    took?.(work, now() - startedAt);
    const resultOf = ({ key }: S): Result => {
      const result = results.get(key);
      if (result === undefined) throw new Error(`no result for step ${key}`);
      return result;
    };
    for (const step of group) await step.write(store, resultOf(step));
    meter.finish(countOf(group));
    for (const step of group) await done(step, resultOf(step), true);
  }
};

/** A step that is computed alone. */
export interface SingleStep<Result>
  extends Step<Result>, Pick<Computation<Step<Result>, Result>, 'title' | 'checkpoint'> {
  compute(control: RunControl): Promise<Result>;
}

/** The result of a step: read from disk, or computed and stored. */
export const runStep = async <Result>(context: JobContext, step: SingleStep<Result>): Promise<Result> => {
  const results: Result[] = [];
  const done = (_: SingleStep<Result>, result: Result): void => void results.push(result);
  const missing = await reuseSteps(context, [step], done);
  const { title, checkpoint } = step;
  const compute: Computation<SingleStep<Result>, Result>['compute'] = async (_, control) =>
    new Map([[step.key, await step.compute(control)]]);
  await computeSteps(context, missing, { title, checkpoint, groupSize: () => 1, compute }, done);
  const [result] = results;
  if (result === undefined) throw new Error(`no result for step ${step.key}`);
  return result;
};

/** Matches the sentence of stepSummary. */
export const STEP_SUMMARY = /^\d+ of \d+ steps? computed, \d+ reused from disk\.$/;

/** Counts the computed and the reused steps of a finished job: a job that only read must not claim work. */
export const stepSummary = ({ computed, reused }: Pick<ProgressMeter, 'computed' | 'reused'>): string => {
  const total = computed + reused;
  const steps = total === 1 ? 'step' : 'steps';
  return `${String(computed)} of ${String(total)} ${steps} computed, ${String(reused)} reused from disk.`;
};
