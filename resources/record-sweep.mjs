// Runs a sweep with bundled models and tasks for a record that is shipped, and writes that record.
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, zstdCompressSync } from 'node:zlib';
import { checkPortable } from '../main/sample/pack-sample.ts';
import { openExistingWorkspace } from '../main/workspace/open-workspace.ts';

const resources = path.dirname(fileURLToPath(import.meta.url));
const uncurl = path.resolve(resources, '..', 'main', 'cli', 'uncurl.ts');

/** Runs `uncurl ...sweep` in the workspace that the command line names; returns it with the finished run. */
export const recordSweep = async (sweep) => {
  const [given] = process.argv.slice(2);
  if (given === undefined) {
    console.error(`Usage: node ${path.relative('.', process.argv[1])} WORKSPACE`);
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
  return { workspace, manifest, folder: runs.folder(newest.id) };
};

/** The readings of gates (`uncurl help gates`) that records hold, each in its folder; the first of all models. */
export const readings = [
  { gates: 'folded', run: 'run' },
  { gates: 'renormalised', run: 'renormalised' },
];

/** Writes `manifest.json` and a compressed file beside it, into `run` of a record's folder. */
export const writeRecord = async (folder, manifest, name, contents, run = 'run') => {
  await mkdir(path.join(folder, run), { recursive: true });
  const packed = zstdCompressSync(contents, { params: { [constants.ZSTD_c_compressionLevel]: 19 } });
  await writeFile(path.join(folder, run, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeFile(path.join(folder, run, `${name}.zst`), packed);
  process.stderr.write(`${folder}/${run}: ${(packed.length / 1e3).toFixed(0)} kB, from ${manifest.id}\n`);
};
