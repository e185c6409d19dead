import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { writeChecksums } from '../files/checksums.ts';
import { EXPERIMENT_FILE, experimentRecordText, requireExperimentRecord } from '../runs/experiment-record.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { checkPortable, packBundle } from './pack-sample.ts';
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
  const fill = async (coming: string): Promise<void> => {
    const title = recordedTitle(RECORDED_EXPERIMENT, manifest.title);
    const packed: RunManifest = { ...manifest, id: RECORDED_EXPERIMENT, title, output: null };
    await writeFile(join(coming, 'manifest.json'), `${JSON.stringify(packed, null, 2)}\n`);
    await writeFile(join(coming, EXPERIMENT_FILE), experimentRecordText({ ...record, run: RECORDED_EXPERIMENT }));
    await writeChecksums(coming, new Map([[EXPERIMENT_FILE, join(coming, EXPERIMENT_FILE)]]));
  };
  return packBundle({
    destination: recordedExperimentFolder(resources),
    mostBytes: MAX_BYTES,
    what: 'The record',
    remedy: 'Measure fewer tasks or methods.',
    fill,
  });
};
