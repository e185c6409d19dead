// Records the experiment again: node resources/experiment/make.mjs WORKSPACE
// The workspace needs the environment of
// "uncurl doctor --python". An interrupted call continues if it is given the same workspace (README.md beside this
// file).
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packExperiment } from '../../main/sample/pack-experiment.ts';
import { openExistingWorkspace } from '../../main/workspace/open-workspace.ts';

const resources = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const uncurl = path.resolve(resources, '..', 'main', 'cli', 'uncurl.ts');
/** One thread, so that sums in a training do not depend on the number of threads. */
const experiment = [
  ...['experiment', 'switch', '--task', 'german,german-written,add,add-written,capital,capital-written'],
  ...['--method', 'uncurl', '--arms', 'as-is,tuned', '--gates', 'folded,renormalised', '--seeds', '0,1,2,3,4'],
  ...['--rate', '0.0003', '--epochs', '10', '--threads', '1'],
];

const [workspace] = process.argv.slice(2);
if (workspace === undefined) {
  console.error('Usage: node resources/experiment/make.mjs WORKSPACE');
  process.exit(2);
}
process.stderr.write(`uncurl ${experiment.join(' ')}\n`);
const { status } = spawnSync(process.execPath, [uncurl, ...experiment], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, UNCURL_WORKSPACE: path.resolve(workspace) },
});
if (status !== 0) process.exit(status ?? 1);
const opened = await openExistingWorkspace(path.resolve(workspace));
const [newest] = await opened.runs.list();
const sizeBytes = await packExperiment(opened, newest.id, resources);
process.stderr.write(`resources/experiment/run: ${(sizeBytes / 1e3).toFixed(0)} kB, from ${newest.id}\n`);
