import { join } from 'node:path';
import { at, fail } from '../contract/errors.ts';
import type { Plan } from '../contract/plan.ts';
import { produceFileAtomically } from '../files/write-atomically.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { type OutcomeBlock, writeOutcomes } from '../runs/outcomes-parquet.ts';
import { type SweepRecord, writeRunPlans } from '../runs/sweep-record.ts';
import { writeProfileFile } from '../workspace/profile-file.ts';
import { evaluationRecord } from '../runs/evaluation-record.ts';
import type { Task } from '../tasks/task.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';

/** Characters of a hash that distinguish equal names. */
const HASH_CHARACTERS = 6;

/** Makes names unique: equal names get the beginning of their hash, and a number as well where hashes are equal. */
export const uniqueNames = (
  entries: readonly { readonly name: string; readonly hash: string }[],
): readonly string[] => {
  const taken = new Set<string>();
  return entries.map(({ name, hash }) => {
    const isShared = entries.filter((other) => other.name === name).length > 1;
    const base = isShared ? `${name} (${hash.slice(0, HASH_CHARACTERS)})` : name;
    let unique = base;
    for (let number = 2; taken.has(unique); number += 1) unique = `${base} ${number}`;
    taken.add(unique);
    return unique;
  });
};

/** Tasks under unique names. */
export const namedTasks = (tasks: readonly Task[]): RunTask[] => {
  const names = uniqueNames(tasks);
  return tasks.map((task, index) => ({ name: at(names, index), task }));
};

/** Profiles from which a model's plans were made. */
export interface ModelProfiles {
  readonly model: RunModel;
  readonly profiled: readonly { readonly task: RunTask; readonly statistics: RoutingStatistics }[];
}

/** Makes a model's name usable in a file name. */
const fileNamePart = (name: string): string => name.replaceAll(/[^A-Za-z0-9._-]+/g, '_');

/**
 * Writes the files of a finished sweep beside its results, so that its folder is complete without its steps: every
 * item's outcome (`outcomes.parquet`), the plans (`plans.json`), and the profiles (`profile.safetensors`, or
 * `profile-<model>.safetensors` where there are several models).
 */
export const writeSweepFiles = async (
  context: JobContext,
  record: SweepRecord,
  profiles: readonly ModelProfiles[],
): Promise<void> => {
  const { folder, temporaryFolder, steps, run } = context;
  const plans = new Map<string, Plan | null>();
  const outcomes = async function* (): AsyncGenerator<OutcomeBlock> {
    for (const { result, step } of record.points) {
      const stored = await steps.readJson(step, evaluationRecord);
      if (stored === null) {
        throw fail(
          'step-missing',
          `${steps.path(step, 'json')} is gone.`,
          'Resume the run: the step will be computed again.',
        );
      }
      plans.set(step, stored.plan);
      const { model, task, method, seed, factor, kept } = result;
      yield { run, model, task, method, seed, factor, kept, outcomes: stored.outcomes };
    }
  };
  await context.requireRun();
  await produceFileAtomically(
    join(folder, 'outcomes.parquet'),
    (file) => writeOutcomes(file, outcomes()),
    temporaryFolder,
  );
  await writeRunPlans(folder, plans, temporaryFolder);
  const filled = profiles.filter(({ profiled }) => profiled.length > 0);
  // Different names can have the same file name: letters beyond ASCII become underscores.
  const parts = uniqueNames(
    filled.map(({ model }) => ({ name: fileNamePart(model.name), hash: model.checkpoint.identity })),
  ).map(fileNamePart);
  for (const [index, { model, profiled }] of filled.entries()) {
    const name = filled.length === 1 ? 'profile.safetensors' : `profile-${at(parts, index)}.safetensors`;
    const { name: modelName, fingerprint, identity: sha256 } = model.checkpoint;
    const tasks = profiled.map(({ task, statistics }) => ({ name: task.name, hash: task.task.hash, statistics }));
    await produceFileAtomically(
      join(folder, name),
      (file) => writeProfileFile(file, { model: modelName, fingerprint, sha256, tasks }),
      temporaryFolder,
    );
  }
};
