import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { writeChecksums } from '../files/checksums.ts';
import { temporaryNameFor } from '../files/write-atomically.ts';
import { EXPERIMENT_FILE, experimentRecordText, requireExperimentRecord } from '../runs/experiment-record.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { checkPortable } from './pack-sample.ts';
import { RECORDED_EXPERIMENT, recordedExperimentFolder, recordedTitle } from './sample-run.ts';

/** Largest bundled record. */
const MAX_BYTES = 1e6;

/**
 * Makes a finished experiment on bundled models and tasks the bundled one: its manifest and every arm's answers,
 * without weights. Returns its size in bytes.
 */
export const packExperiment = async (
  { runs }: Pick<Workspace, 'runs'>,
  run: string,
  resources: string,
): Promise<number> => {
  const manifest = await runs.read(run);
  checkPortable(manifest, 'experiment');
  if (manifest.spec['python'] !== null || (manifest.spec['reproduces'] ?? null) !== null)
    throw refuse(
      'not-a-sample',
      'The experiment names a Python of this machine, or repeats another run.',
      'Let "uncurl doctor --python" make an environment in the workspace, and run the experiment itself.',
    );
  const record = await requireExperimentRecord(runs.folder(run), manifest);
  const destination = recordedExperimentFolder(resources);
  const coming = temporaryNameFor(destination);
  await mkdir(dirname(destination), { recursive: true });
  await mkdir(coming);
  try {
    const title = recordedTitle(RECORDED_EXPERIMENT, manifest.title);
    const packed: RunManifest = { ...manifest, id: RECORDED_EXPERIMENT, title, output: null };
    await writeFile(join(coming, 'manifest.json'), `${JSON.stringify(packed, null, 2)}\n`);
    await writeFile(join(coming, EXPERIMENT_FILE), experimentRecordText({ ...record, run: RECORDED_EXPERIMENT }));
    await writeChecksums(coming, new Map([[EXPERIMENT_FILE, join(coming, EXPERIMENT_FILE)]]));
    const sizes = await Promise.all((await readdir(coming)).map(async (name) => (await stat(join(coming, name))).size));
    const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
    if (sizeBytes > MAX_BYTES)
      throw refuse(
        'sample-too-large',
        `The record would have ${String(sizeBytes)} bytes, more than ${String(MAX_BYTES)}.`,
        'Measure fewer tasks or methods.',
      );
    await rm(destination, { recursive: true, force: true });
    await rename(coming, destination);
    return sizeBytes;
  } finally {
    await rm(coming, { recursive: true, force: true });
  }
};
