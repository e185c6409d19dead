import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { DEFAULT_DELTA, recordedSweepDocument, type SweepDocument } from '../../../main/contract/sweep.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { COMPRESSED, unpack } from '../../../main/sample/sample-run.ts';

const resources = path.resolve(import.meta.dirname, '../../../resources');

/** Content of a compressed file of a record (a folder of the resources with a run). */
export const recordedBytes = async (record: string, name: string): Promise<Buffer> => {
  const file = path.join(resources, record, 'run', `${name}${COMPRESSED}`);
  return unpack(await readFile(file), file);
};

/** JSON of a compressed file of a record. */
export const recordedJson = async (record: string, name: string): Promise<unknown> =>
  JSON.parse((await recordedBytes(record, name)).toString('utf8'));

/** The document of a recorded sweep, with the verdicts and thresholds of today's rules. */
export const recordedResults = async (record: string): Promise<SweepDocument> =>
  withThresholds(recordedSweepDocument.parse(await recordedJson(record, 'results.json')), { delta: DEFAULT_DELTA });
