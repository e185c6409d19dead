import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { refuse } from '../contract/errors.ts';
import { recordedTrainings, type RecordedTrainings } from '../evaluation/recorded-trainings.ts';
import { explainFileError, fileErrorCode } from '../workspace/file-errors.ts';

const unpack = promisify(gunzip);

/** Where the results of trainings lie whose weights do not come with the workbench. */
export const recordedTrainingsFile = (resources: string): string => join(resources, 'sample', 'trainings.json.gz');

/** What is recorded of other trainings of the bundled sizes; null in a package without it. */
export const readRecordedTrainings = async (resources: string): Promise<RecordedTrainings | null> => {
  const file = recordedTrainingsFile(resources);
  let packed: Uint8Array;
  try {
    packed = await readFile(file);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return null;
    throw explainFileError(error, file);
  }
  try {
    const content: unknown = JSON.parse((await unpack(packed)).toString('utf8'));
    return recordedTrainings.parse(content);
  } catch (cause) {
    throw refuse('recording-damaged', `${file} is damaged: ${cause instanceof Error ? cause.message : String(cause)}`, 'Install the workbench again.');
  }
};
