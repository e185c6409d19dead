import { CancelledError, WorkbenchError } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { isWrittenItem } from '../tasks/task.ts';
import { readEvaluation, writeEvaluation } from './evaluation-record.ts';
import type { JobContext } from './job-context.ts';
import type { KeyedPlan, Measurement } from './measurement.ts';
import { writeSideBySide } from './writing-step.ts';

/** A group of candidates is sized to take about this long: what a kill may lose. */
const GROUP_TARGET_MS = 2_000;
/** Candidates of one group: each holds a batch's hidden states. */
const MAX_GROUP = 16;

/** Sizes groups by the speed of the last one. Numbers do not depend on the grouping. */
export interface GroupSizer {
  next(work: number): number;
  took(work: number, elapsedMs: number): void;
}

/** `isStreamed`: weights pass through memory once per group, so groups are as large as they can be. */
export const createGroupSizer = (isStreamed: boolean): GroupSizer => {
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

/** @throws WorkbenchError `outcome-not-finite`. */
export const requireFinite = (outcomes: readonly ItemOutcome[], { model, task }: Measurement): void => {
  const broken = outcomes.find((outcome) =>
    outcome.kind === 'choice'
      ? !outcome.logprobs.every(Number.isFinite)
      : outcome.kind === 'text' && !Number.isFinite(outcome.logprob),
  );
  if (broken === undefined) return;
  throw new WorkbenchError(
    'outcome-not-finite',
    'failed',
    `${model.name} gives a log-probability that is not finite for item "${broken.id}" of ${task.name}.`,
    'Look at its weights and precision: numbers overflow.',
  );
};

/**
 * Outcomes of every plan on a measurement's items: those on disk first, then the others, computed in groups that share
 * layers and stored one by one before `done` is told. Where answers are written, all others write side by side. Keys
 * are unique. `inOrder` is asked before every group in which order those that are left are best measured; outcomes do
 * not depend on it.
 */
export const evaluationSteps = async (
  context: JobContext,
  measurement: Measurement,
  plans: readonly KeyedPlan[],
  sizer: GroupSizer,
  done: (key: string, outcomes: readonly ItemOutcome[]) => Promise<void>,
  inOrder: (missing: readonly KeyedPlan[]) => readonly KeyedPlan[] = (missing) => missing,
): Promise<void> => {
  const { steps, meter, signal } = context;
  const { model, task, items, work } = measurement;
  let missing: KeyedPlan[] = [];
  for (const keyed of plans) {
    const stored = await readEvaluation(steps, measurement, keyed);
    if (stored === null) {
      missing.push(keyed);
      continue;
    }
    meter.reuse(work);
    await done(keyed.key, stored);
  }
  while (missing.length > 0) {
    if (signal.aborted) throw new CancelledError('The run');
    meter.describe(`Evaluating ${model.name} on ${task.name}`);
    const runner = await context.runners.open(model.checkpoint);
    const isWritten = items.some(isWrittenItem);
    missing = [...inOrder(missing)];
    const group = missing.splice(0, isWritten ? missing.length : sizer.next(work));
    const startedAt = context.now();
    meter.begin(work * group.length);
    const control = { signal, onProgress: (part: number, total: number) => meter.advance(part / total) };
    const outcomes = isWritten
      ? await writeSideBySide(context, measurement, runner, group, control)
      : await runner.evaluate(items, group, control);
    if (!isWritten) sizer.took(work * group.length, context.now() - startedAt);
    for (const keyed of group) {
      const own = outcomes.get(keyed.key);
      if (own === undefined) throw new Error(`no outcomes for candidate ${keyed.key}`);
      requireFinite(own, measurement);
      await writeEvaluation(steps, measurement, keyed, own);
    }
    meter.finish(group.length);
    for (const { key } of group) await done(key, outcomes.get(key) ?? []);
  }
};
