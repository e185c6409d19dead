// The sweep of the sample over these models, shared by make.mjs and record-trainings.mjs.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { pairedTasks } from '../../main/workspace/library.ts';
import { openExistingWorkspace } from '../../main/workspace/open-workspace.ts';

export const resources = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const uncurl = path.resolve(resources, '..', 'main', 'cli', 'uncurl.ts');

/** A model folder's config.json. */
export const configOf = (folder) => JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8'));

/** The bundled tasks: multiple choice, and the same items with written answers (`plural`, `plural-written`). */
const tasks = pairedTasks(readdirSync(path.join(resources, 'tasks')).sort());

/**
 * Sweeps the models (names or folders, with their folders) in a workspace, or continues there; returns the workspace
 * and the run.
 */
export const sweepModels = async (models, workspace) => {
  const configs = models.map(({ folder }) => configOf(folder));
  // Powers of two, as far as the largest model can be pruned.
  const factors = [1];
  while (configs.some((config) => config.num_local_experts / (factors.at(-1) * 2) >= config.num_experts_per_tok))
    factors.push(factors.at(-1) * 2);
  const sweep = [
    'sweep',
    ...models.map(({ name }) => name),
    '--task',
    ...tasks,
    '--method',
    'random',
    'frequency',
    'reap',
    'uncurl',
    '--factors',
    factors.join(),
    '--seeds',
    '0,1,2,3,4',
  ];
  process.stderr.write(`uncurl ${sweep.join(' ')}\n`);
  const { status } = spawnSync(process.execPath, [uncurl, ...sweep], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, UNCURL_WORKSPACE: workspace },
  });
  if (status !== 0) process.exit(status ?? 1);
  const opened = await openExistingWorkspace(workspace);
  const [newest] = await opened.runs.list();
  return { opened, run: newest.id };
};
