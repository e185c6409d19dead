import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { GatesName } from '../../../main/contract/plan.ts';
import { runManifest } from '../../../main/contract/run.ts';
import {
  DEFAULT_DELTA,
  recordedSweepDocument,
  sweepSettings,
  type SweepDocument,
} from '../../../main/contract/sweep.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { COMPRESSED, unpack } from '../../../main/sample/sample-run.ts';

const resources = path.resolve(import.meta.dirname, '../../../resources');

/** Content of a compressed file of a record (a folder of the resources with a run, and perhaps a second one). */
export const recordedBytes = async (record: string, name: string, run = 'run'): Promise<Buffer> => {
  const file = path.join(resources, record, run, `${name}${COMPRESSED}`);
  return unpack(await readFile(file), file);
};

/** JSON of a compressed file of a record. */
export const recordedJson = async (record: string, name: string, run = 'run'): Promise<unknown> =>
  JSON.parse((await recordedBytes(record, name, run)).toString('utf8'));

/** The document of a recorded sweep, with the verdicts and thresholds of today's rules. */
export const recordedResults = async (record: string, run = 'run'): Promise<SweepDocument> =>
  withThresholds(recordedSweepDocument.parse(await recordedJson(record, 'results.json', run)), {
    delta: DEFAULT_DELTA,
  });

/** A run of a record, and the gates that its plans have where deleting experts changes them. */
export interface RecordedReading {
  readonly run: string;
  readonly gates: GatesName;
}

/** The runs of a record: the one of all its models, and where there is one, its plain deletions. */
export const recordedReadings = async (record: string): Promise<readonly RecordedReading[]> => {
  const found = await readdir(path.join(resources, record));
  const runs = ['run', 'renormalised'].filter((name) => found.includes(name));
  return Promise.all(
    runs.map(async (run) => {
      const file = path.join(resources, record, run, 'manifest.json');
      const { spec } = runManifest.parse(JSON.parse(await readFile(file, 'utf8')));
      return { run, gates: sweepSettings.parse(spec).gates };
    }),
  );
};
