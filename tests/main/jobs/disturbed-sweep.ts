import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { z } from 'zod';
import type { PathHandle } from '../../../main/contract/model.ts';
import type { SweepDocument, sweepSettings } from '../../../main/contract/sweep.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { openEngine } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

export interface Subject {
  readonly engine: Engine;
  readonly folder: string;
  readonly weights: string;
  readonly model: PathHandle;
  readonly task: PathHandle;
}

/** `settingsFile`: that of another user. */
export const subject = async (settingsFile?: string): Promise<Subject> => {
  const folder = await temporaryFolder();
  await cp(join(resources, 'models', 'uncurl-8'), join(folder, 'mine'), { recursive: true });
  await cp(join(resources, 'tasks', 'capital'), join(folder, 'quiz'), { recursive: true });
  const engine = await openEngine(join(folder, 'workspace'), { settingsFile });
  const model = engine.grantPath(join(folder, 'mine'));
  const task = engine.grantPath(join(folder, 'quiz'));
  return { engine, folder, weights: join(folder, 'mine', 'model.safetensors'), model, task };
};

export type Asked = Partial<z.input<typeof sweepSettings>>;

export const startSweep = async (
  { engine, model, task }: Subject,
  asked: Asked = {},
  later = false,
): Promise<string> => {
  const settings = { methods: ['frequency', 'reap'], factors: [1, 8 / 7, 8 / 6, 2, 4], limit: 30, ...asked };
  return (await engine.call('sweep.start', { models: [model], tasks: [task], settings, later })).run;
};

/** Runs a sweep, and `disturb` once when the first point is known. Returns the error that ended the run, or null. */
export const disturbedSweep = async (given: Subject, disturb: () => Promise<void>, asked?: Asked): Promise<unknown> => {
  const { engine } = given;
  const disturbed: Promise<void>[] = [];
  const unsubscribe = engine.subscribe((event) => {
    if (event.type === 'sweep.changed' && event.change.what === 'point' && disturbed.length === 0)
      disturbed.push(disturb());
  });
  const ended = await engine.finished(await startSweep(given, asked)).then(
    () => null,
    (error: unknown) => error,
  );
  unsubscribe();
  expect(disturbed).toHaveLength(1);
  await Promise.all(disturbed);
  return ended;
};

export const sweep = async (given: Subject, asked?: Asked): Promise<SweepDocument['results']> => {
  const run = await startSweep(given, asked);
  await given.engine.finished(run);
  return (await given.engine.call('sweep.read', { run })).results;
};

const measured = new Map<string, Promise<SweepDocument['results']>>();

/** Results of an undisturbed sweep of the same model and task, which the tests of a worker measure once. */
export const rightResults = (asked: Asked = {}): Promise<SweepDocument['results']> => {
  const key = JSON.stringify(asked);
  const known = measured.get(key) ?? subject().then((given) => sweep(given, asked));
  measured.set(key, known);
  return known;
};
