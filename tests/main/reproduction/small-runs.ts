import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEngine, type Engine } from '../../../main/engine/engine.ts';

export const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

const ITEMS = 24;

/** A sweep and an experiment, each run twice from nothing: the first must contain what the second stored. */
export interface SmallRuns {
  readonly workspace: string;
  readonly sweep: string;
  readonly experiment: string;
  /** Folders of the second runs. */
  readonly again: { readonly sweep: string; readonly experiment: string };
  readonly remove: () => Promise<void>;
}

/** The first items of a bundled task, under its name; as texts, the questions of another. */
const makeTasks = async (folder: string): Promise<readonly string[]> => {
  const made = ['add', 'texts'].map((name) => join(folder, name));
  for (const task of made) await mkdir(task);
  const lines = async (split: string): Promise<readonly string[]> =>
    (await readFile(join(resources, 'tasks', 'add', `${split}.jsonl`), 'utf8')).trim().split('\n').slice(0, ITEMS);
  await writeFile(join(folder, 'add', 'task.json'), JSON.stringify({ name: 'few' }));
  for (const split of ['calibration', 'test'])
    await writeFile(join(folder, 'add', `${split}.jsonl`), `${(await lines(split)).join('\n')}\n`);
  for (const [split, name] of [
    ['calibration', 'train'],
    ['test', 'test'],
  ] as const) {
    const questions = (await lines(split)).map((line) => (JSON.parse(line) as { readonly context: string }).context);
    await writeFile(join(folder, 'texts', `${name}.txt`), `${questions.join('\n\n')}\n`);
  }
  return made;
};

const measure = async (
  engine: Engine,
  folders: readonly string[],
): Promise<{ readonly sweep: string; readonly experiment: string }> => {
  const handleOf = (path: string): ReturnType<Engine['grantPath']> => engine.grantPath(path);
  const model = (name: string) => handleOf(join(resources, 'models', name));
  const own = folders.map(handleOf);
  const written = handleOf(join(resources, 'tasks', 'add-written'));
  const { run: sweep } = await engine.call('sweep.start', {
    models: [model('uncurl-8')],
    tasks: [...own, written],
    settings: { methods: ['reap', 'random'], factors: [2, 4], seeds: [0, 1], limit: ITEMS, delta: 0.03 },
  });
  await engine.finished(sweep);
  const [few] = own;
  if (few === undefined) throw new Error('no task');
  const { run: experiment } = await engine.call('experiment.start', {
    models: [model('switch-8'), model('switch-32')],
    tasks: [few],
    settings: { treatments: ['as-is'], training: {} },
  });
  await engine.finished(experiment);
  return { sweep, experiment };
};

/** Runs both in two workspaces that share only models and tasks. */
export const smallRuns = async (): Promise<SmallRuns> => {
  const folder = await mkdtemp(join(tmpdir(), 'uncurl-edits-'));
  const tasks = await makeTasks(folder);
  const made: { readonly workspace: string; readonly sweep: string; readonly experiment: string }[] = [];
  for (const name of ['first', 'second']) {
    const workspace = join(folder, name);
    const engine = await createEngine({ workspace, resources, commandLine: 'test', threads: 1 });
    try {
      made.push({ workspace, ...(await measure(engine, tasks)) });
    } finally {
      await engine.dispose();
    }
  }
  const [first, second] = made;
  if (first === undefined || second === undefined) throw new Error('no runs');
  const folderOf = (run: string): string => join(second.workspace, 'runs', run);
  return {
    workspace: first.workspace,
    sweep: first.sweep,
    experiment: first.experiment,
    again: { sweep: folderOf(second.sweep), experiment: folderOf(second.experiment) },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};

/** A copy of a run beside it in its workspace, for editing. */
export const copyOfRun = async (workspace: string, run: string, name: string): Promise<string> => {
  const folder = join(workspace, 'runs', name);
  await rm(folder, { recursive: true, force: true });
  await cp(join(workspace, 'runs', run), folder, { recursive: true });
  const file = join(folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...manifest, id: name }));
  return folder;
};
