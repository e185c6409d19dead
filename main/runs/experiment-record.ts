import { join } from 'node:path';
import type { z } from 'zod';
import { fail, refuse } from '../contract/errors.ts';
import {
  type ExperimentRecord,
  experimentRecord,
  type ExperimentReproduction,
  experimentReproduction,
  type PublishedTable,
  publishedTable,
} from '../contract/experiment.ts';
import type { RunManifest } from '../contract/run.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { requireKind } from '../contract/run-kinds.ts';
import { requireAsWritten } from '../workspace/sealed-files.ts';
import { manifestOf, type ManifestSource } from './run-source.ts';

export const EXPERIMENT_FILE = 'experiment.json';
/** Findings of a reproduction, in its own run's folder. */
export const REPRODUCTION_FILE = 'reproduction.json';

/** Records of every arm with the outcome of every item are a few MB. */
const MAX_RECORD_BYTES = 256 * 2 ** 20;

const readParsed = <T extends z.ZodType>(file: string, schema: T, remedy: string): Promise<z.output<T> | null> =>
  readJsonIfThere(file, schema, { mostBytes: MAX_RECORD_BYTES }, (cause) =>
    fail('results-damaged', `${file} is damaged.`, remedy, cause),
  );

/** The manifest of a run that must be an experiment. */
export const experimentManifestOf = async (source: ManifestSource, run: string): Promise<RunManifest> =>
  requireKind(await manifestOf(source, run), 'experiment');

/** The current record of an experiment; null where it has measured nothing yet. */
export const readExperimentRecord = (folder: string): Promise<ExperimentRecord | null> =>
  readParsed(
    join(folder, EXPERIMENT_FILE),
    experimentRecord,
    'Delete the file and resume the run: its steps are kept.',
  );

/** The record of a run, edited or not; refuses a run that has measured nothing yet. */
export const experimentRecordAsItLies = async (
  folder: string,
  { id, state }: Pick<RunManifest, 'id' | 'state'>,
): Promise<ExperimentRecord> => {
  const record = await readExperimentRecord(folder);
  if (record === null)
    throw refuse(
      'nothing-measured',
      `${id} (${state}) has not measured anything yet.`,
      'Wait for its first arm, or resume it.',
    );
  return { ...record, run: id };
};

/**
 * The record of a run. The answers of its arms are stored nowhere else, so an edited record is refused.
 *
 * @throws WorkbenchError `results-edited`, `nothing-measured`, `results-damaged`.
 */
export const requireExperimentRecord = async (
  folder: string,
  manifest: Pick<RunManifest, 'id' | 'state'>,
): Promise<ExperimentRecord> => {
  await requireAsWritten(folder, EXPERIMENT_FILE);
  return experimentRecordAsItLies(folder, manifest);
};

/** Writes one arm per line, so that two records can be compared line by line. */
export const experimentRecordText = ({ arms, ...rest }: ExperimentRecord): string => {
  const head = JSON.stringify({ ...rest, arms: [] }, null, 1);
  const lines = arms.map((arm) => `  ${JSON.stringify(arm)}`).join(',\n');
  return `${head.replace('"arms": []', () => (arms.length === 0 ? '"arms": []' : `"arms": [\n${lines}\n ]`))}\n`;
};

export const writeExperimentRecord = (
  folder: string,
  record: ExperimentRecord,
  temporaryFolder: string,
): Promise<void> => writeFileAtomically(join(folder, EXPERIMENT_FILE), experimentRecordText(record), temporaryFolder);

/** The result of a finished reproduction; null where the run is not a reproduction, or not finished. */
export const readExperimentReproduction = async (folder: string): Promise<ExperimentReproduction | null> => {
  await requireAsWritten(folder, REPRODUCTION_FILE);
  return readParsed(
    join(folder, REPRODUCTION_FILE),
    experimentReproduction,
    'Delete the file and resume the run: its steps are kept.',
  );
};

/** The paper's own table, which is bundled. */
export const readPublishedTable = async (resources: string): Promise<PublishedTable> => {
  const file = join(resources, 'experiment', 'published.json');
  const table = await readParsed(file, publishedTable, 'Install the workbench again.');
  if (table === null) throw refuse('no-published-table', `${file} does not exist.`, 'Install the workbench again.');
  return table;
};
