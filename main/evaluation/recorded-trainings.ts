import { z } from 'zod';
import { runManifest, type RunManifest } from '../contract/run.ts';
import { sweepResult, sweepSettings, type SweepResult, type SweepSettings } from '../contract/sweep.ts';
import { isAtMost } from './family-brackets.ts';

const { spec, tasks, versions, device, commandLine } = runManifest.shape;

/**
 * A sweep of models whose weights do not come with the workbench: trainings of the bundled sizes with another seed. What
 * it measured is kept, so that a figure over E can show what chance in training does.
 */
export const recordedTrainings = z.object({
  spec,
  /** `size`: fingerprint of the bundled model with as many experts. */
  models: z.array(z.object({ name: z.string(), fingerprint: z.string(), experts: z.number(), size: z.string() })),
  tasks,
  versions,
  device,
  commandLine,
  results: z.array(sweepResult),
});
export type RecordedTrainings = z.infer<typeof recordedTrainings>;

/** What decides a method's plans and how they are measured, but for the factors and seeds. */
const ruleOf = ({ budget, protect, limit, recovery, uncurl, options }: SweepSettings, method: string): string =>
  JSON.stringify([budget, protect, limit, recovery, method === 'uncurl' ? uncurl : null, Object.entries(options).find(([name]) => name === method)?.[1] ?? {}]);

const curveKey = ({ model, task, method, seed }: Pick<SweepResult, 'model' | 'task' | 'method' | 'seed'>): string => JSON.stringify([model, task, method, seed]);

/**
 * The recorded points that can stand beside a sweep: of sizes whose bundled model it swept, on the same items, by a method
 * with the same settings, at the same factors and (where a method draws) with the same seeds. None where it swept others.
 */
export const comparableResults = (
  recorded: RecordedTrainings,
  { models, tasks: swept, spec: settings }: Pick<RunManifest, 'models' | 'tasks' | 'spec'>,
  results: readonly SweepResult[],
): readonly SweepResult[] => {
  const [ours, theirs] = [sweepSettings.parse(settings), sweepSettings.parse(recorded.spec)];
  const sizeOf = new Map(recorded.models.map(({ name, size }) => [name, models.find(({ fingerprint }) => fingerprint === size)?.name]));
  const hashOf = new Map(recorded.tasks.map(({ name, hash }) => [name, hash]));
  const measured = new Map<string, number[]>();
  for (const result of results) {
    const key = curveKey(result);
    measured.set(key, [...(measured.get(key) ?? []), result.factor]);
  }
  return recorded.results.flatMap((result) => {
    const model = sizeOf.get(result.model);
    const task = swept.find(({ hash }) => hash === hashOf.get(result.task))?.name;
    if (model === undefined || task === undefined || ruleOf(ours, result.method) !== ruleOf(theirs, result.method)) return [];
    const factors = measured.get(curveKey({ ...result, model, task })) ?? [];
    const isMeasured = factors.some((factor) => isAtMost(factor, result.factor) && isAtMost(result.factor, factor));
    return isMeasured ? [{ ...result, task }] : [];
  });
};
