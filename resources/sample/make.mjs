// Makes the sample sweep again: node resources/sample/make.mjs [WORKSPACE]
// An interrupted call goes on where it stopped if it is given the same workspace (README.md beside this file).
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packSample } from '../../main/sample/pack-sample.ts';
import { openExistingWorkspace } from '../../main/workspace/open-workspace.ts';

const resources = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const uncurl = path.resolve(resources, '..', 'main', 'cli', 'uncurl.ts');
const workspace = path.resolve(process.argv[2] ?? path.join(tmpdir(), 'uncurl-sample'));

/** The bundled family, smallest first. */
const models = readdirSync(path.join(resources, 'models'))
  .filter((name) => name.startsWith('uncurl-'))
  .map((name) => ({ name, ...JSON.parse(readFileSync(path.join(resources, 'models', name, 'config.json'), 'utf8')) }))
  .sort((left, right) => left.num_local_experts - right.num_local_experts);
/** Powers of two, as far as the largest model can go. */
const factors = [1];
while (models.some((model) => model.num_local_experts / (factors.at(-1) * 2) >= model.num_experts_per_tok)) factors.push(factors.at(-1) * 2);

const sweep = [
  'sweep', ...models.map(({ name }) => name),
  '--task', 'all', '--method', 'random', 'frequency', 'reap', 'uncurl', '--factors', factors.join(), '--seeds', '0,1,2',
];
process.stderr.write(`uncurl ${sweep.join(' ')}\n`);
const { status } = spawnSync(process.execPath, [uncurl, ...sweep], { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, UNCURL_WORKSPACE: workspace } });
if (status !== 0) process.exit(status ?? 1);

const opened = await openExistingWorkspace(workspace);
const [newest] = await opened.runs.list();
const sizeBytes = await packSample(opened, newest.id, resources);
process.stderr.write(`resources/sample/run: ${(sizeBytes / 1e6).toFixed(1)} MB, from ${newest.id}\n`);
