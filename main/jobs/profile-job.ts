import { join } from 'node:path';
import { CancelledError } from '../contract/errors.ts';
import type { ExtraStatistic } from '../profile/extra-statistics.ts';
import { writeProfileFile, type ProfiledTask } from '../workspace/profile-file.ts';
import { produceFileAtomically } from '../workspace/write-atomically.ts';
import type { Job, RunModel, RunTask } from './job-context.ts';
import { profileStep, profileWork } from './profile-step.ts';
import { stepSummary } from './step-summary.ts';
import { openTokenCounter } from './task-work.ts';

/**
 * Profiles a model on tasks, one step per task, and gathers them in the run's `profile.safetensors`. `extras`: what to
 * look at beyond routing.
 */
export const profileJob =
  (model: RunModel, tasks: readonly RunTask[], extras: readonly ExtraStatistic[] = []): Job =>
  async (context) => {
    context.meter.describe('Reading tasks');
    const measure = await openTokenCounter(model.checkpoint, context.signal);
    const tokens: number[] = [];
    for (const { task } of tasks) tokens.push(await measure.profiling(task.calibration));
    context.meter.setTotal(tokens.reduce((sum, count) => sum + profileWork(count, extras, model.checkpoint.info), 0));
    const profiled: ProfiledTask[] = [];
    for (const [index, task] of tasks.entries()) {
      if (context.signal.aborted) throw new CancelledError('The profile');
      const statistics = await profileStep(context, model, task, tokens[index] ?? 0, extras);
      profiled.push({ name: task.name, hash: task.task.hash, statistics });
    }
    const output = join(context.folder, 'profile.safetensors');
    const { name, fingerprint } = model.checkpoint;
    await produceFileAtomically(output, (file) => writeProfileFile(file, { model: name, fingerprint, tasks: profiled }), context.temporaryFolder);
    return { output, summary: stepSummary(context.meter) };
  };
