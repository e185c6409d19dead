import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, type ZlibOptions } from 'node:zlib';
import { refuse } from '../contract/errors.ts';
import { recordedTrainings, type RecordedTrainings } from '../evaluation/size-trend/document.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { readBytesIfThere } from '../files/regular-file.ts';

const unpack = promisify<Uint8Array, ZlibOptions, Buffer>(gunzip);
/** The recorded trainings have 0.1 MB, 2 MB unpacked. */
const MAX_TRAININGS_BYTES = 64 * 2 ** 20;

/** File with results of trainings whose weights are not bundled. */
export const recordedTrainingsFile = (resources: string): string => join(resources, 'sample', 'trainings.json.gz');

/** Recorded results of other trainings of the bundled sizes; null in a package without them. */
export const readRecordedTrainings = async (resources: string): Promise<RecordedTrainings | null> => {
  const file = recordedTrainingsFile(resources);
  const packed = await readBytesIfThere(file, { mostBytes: MAX_TRAININGS_BYTES });
  if (packed === null) return null;
  try {
    const content = (await unpack(packed, { maxOutputLength: MAX_TRAININGS_BYTES })).toString('utf8');
    return recordedTrainings.parse(parseForeignJson(content));
  } catch (cause) {
    throw refuse(
      'recording-damaged',
      `${file} is damaged: ${cause instanceof Error ? cause.message : String(cause)}`,
      'Install the workbench again.',
    );
  }
};
