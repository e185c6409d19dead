// Runs a sweep and keeps its manifest and its results in a folder: used by the make.mjs of recorded runs whose items'
// answers are not kept. An interrupted call continues if it is given the same workspace.
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync } from 'node:zlib';
import { checkPortable } from '../main/sample/pack-sample.ts';
import { openExistingWorkspace } from '../main/workspace/open-workspace.ts';

const uncurl = fileURLToPath(new URL('../main/cli/uncurl.ts', import.meta.url));

/** `folder`: where `run/` is written. `sweep`: the command line after `uncurl`. */
export const recordSweep = async (folder, sweep) => {
  const [given] = process.argv.slice(2);
  if (given === undefined) {
    console.error('Usage: node make.mjs WORKSPACE');
    process.exit(2);
  }
  const workspace = path.resolve(given);
  await mkdir(workspace, { recursive: true });
  process.stderr.write(`uncurl ${sweep.join(' ')}\n`);
  const { status } = spawnSync(process.execPath, [uncurl, ...sweep], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, UNCURL_WORKSPACE: workspace },
  });
  if (status !== 0) process.exit(status ?? 1);
  const { runs } = await openExistingWorkspace(workspace);
  const [newest] = await runs.list();
  const manifest = await runs.read(newest.id);
  checkPortable(manifest, 'sweep');
  await mkdir(path.join(folder, 'run'), { recursive: true });
  const results = zstdCompressSync(await readFile(path.join(runs.folder(newest.id), 'results.json')));
  await writeFile(path.join(folder, 'run', 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeFile(path.join(folder, 'run', 'results.json.zst'), results);
  process.stderr.write(`${path.basename(folder)}/run: ${(results.length / 1e3).toFixed(0)} kB, from ${newest.id}\n`);
};
