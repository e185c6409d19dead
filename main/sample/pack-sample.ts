import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { refuse } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { writeChecksums } from '../files/checksums.ts';
import { temporaryNameFor } from '../files/write-atomically.ts';
import { type OutcomeBlock, writeOutcomes } from '../runs/outcomes-parquet.ts';
import { readPointBlocks } from '../runs/read-outcomes.ts';
import { readPointIndex, readSweepDocument, RESULTS, storedSweepDocument } from '../runs/sweep-record.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { editedFile, readSealedFiles } from '../workspace/sealed-files.ts';
import { COMPRESSED, isShippedCompressed, recordedTitle, SAMPLE_RUN, sampleFolder } from './sample-run.ts';
import { runKinds } from '../contract/run-kinds.ts';
import { pointNameKey } from '../contract/sweep.ts';

/** Largest bundled sample: it is copied into every new workspace. */
const MAX_BYTES = 20e6;

/** A file of a bundled run as it is shipped. */
export const compressed = (bytes: Uint8Array): Promise<Buffer> => promisify(zstdCompress)(bytes, COMPRESSION);
/** A task and its written twin are profiled on the same texts: a window over the whole file finds the repetitions. */
const COMPRESSION = {
  params: {
    [constants.ZSTD_c_compressionLevel]: 19,
    [constants.ZSTD_c_windowLog]: 24,
    [constants.ZSTD_c_enableLongDistanceMatching]: 1,
  },
};

/** Refuses a run whose manifest names a folder of this machine: everything must be bundled. */
export const checkPortable = (
  { kind, state, models, tasks, commandLine }: RunManifest,
  wanted: 'sweep' | 'experiment',
): void => {
  if (kind !== wanted || state !== 'done')
    throw refuse('not-a-sample', `The run is ${runKinds[kind].words} (${state}).`, `Name a finished ${wanted}.`);
  const strange = [...models, ...tasks].filter(({ path }) => !path.startsWith('bundled:')).map(({ path }) => path);
  if (strange.length > 0)
    throw refuse('not-a-sample', `The run used ${strange.join(', ')}.`, 'Use bundled models and tasks only.');
  if (/(^|[\s=])\//.test(commandLine))
    throw refuse(
      'not-a-sample',
      `Its command line names a folder: ${commandLine}`,
      'Name the workspace by UNCURL_WORKSPACE instead.',
    );
};

interface Bundle {
  /** Folder in the resources; replaced once all is there. */
  readonly destination: string;
  readonly mostBytes: number;
  /** What is too large then, and what to do. */
  readonly what: string;
  readonly remedy: string;
  readonly fill: (folder: string) => Promise<void>;
}

/** Fills a folder of the resources; returns its size in bytes. @throws WorkbenchError `sample-too-large`. */
export const packBundle = async ({ destination, mostBytes, what, remedy, fill }: Bundle): Promise<number> => {
  const coming = temporaryNameFor(destination);
  await mkdir(dirname(destination), { recursive: true });
  await mkdir(coming);
  try {
    await fill(coming);
    const sizes = await Promise.all((await readdir(coming)).map(async (name) => (await stat(join(coming, name))).size));
    const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
    if (sizeBytes > mostBytes)
      throw refuse('sample-too-large', `${what} would have ${sizeBytes} bytes, more than ${mostBytes}.`, remedy);
    await rm(destination, { recursive: true, force: true });
    await rename(coming, destination);
    return sizeBytes;
  } finally {
    await rm(coming, { recursive: true, force: true });
  }
};

const renamedOutcomes = async function* (folder: string): AsyncGenerator<OutcomeBlock> {
  const kept = new Map((await readPointIndex(folder)).map((point) => [pointNameKey(point), point.kept]));
  const blocks = await readPointBlocks(join(folder, 'outcomes.parquet'));
  if (blocks === null) throw refuse('not-a-sample', `${folder} contains no outcomes.parquet.`, 'Resume the run.');
  for await (const { point, outcomes } of blocks) {
    const experts = kept.get(pointNameKey(point));
    if (experts === undefined)
      throw refuse(
        'not-a-sample',
        `${folder}: points.json does not contain ${JSON.stringify(point)}.`,
        'Resume the run.',
      );
    yield { run: SAMPLE_RUN, ...point, kept: experts, outcomes };
  }
};

/** Makes a finished sweep of bundled models and tasks the bundled sample; returns its size in bytes. */
export const packSample = async (
  { runs }: Pick<Workspace, 'runs'>,
  run: string,
  resources: string,
): Promise<number> => {
  const manifest = await runs.read(run);
  checkPortable(manifest, 'sweep');
  const folder = runs.folder(run);
  const [edited] = (await readSealedFiles(folder)).changed;
  if (edited !== undefined) throw editedFile(folder, edited);
  const document = await readSweepDocument(folder);
  if (document === null) throw refuse('not-a-sample', `${folder} contains no results.json.`, 'Resume the run.');
  const fill = async (coming: string): Promise<void> => {
    const put = (name: string, data: string | Uint8Array): Promise<void> => writeFile(join(coming, name), data);
    const title = recordedTitle(SAMPLE_RUN, manifest.title);
    const sample: RunManifest = { ...manifest, id: SAMPLE_RUN, title, sample: true };
    await put('manifest.json', `${JSON.stringify(sample, null, 2)}\n`);
    const [results, outcomes] = [join(coming, RESULTS), join(coming, 'outcomes.parquet')];
    await put(RESULTS, `${JSON.stringify(storedSweepDocument({ ...document, run: SAMPLE_RUN }), null, 1)}\n`);
    await writeOutcomes(outcomes, renamedOutcomes(folder));
    const files = new Map(
      (await readdir(folder)).filter(isShippedCompressed).map((name) => [name, join(folder, name)]),
    );
    files.set(RESULTS, results);
    await writeChecksums(coming, new Map([...files, ['outcomes.parquet', outcomes]]));
    for (const [name, file] of files) await put(`${name}${COMPRESSED}`, await compressed(await readFile(file)));
    await rm(results);
  };
  return packBundle({
    destination: sampleFolder(resources),
    mostBytes: MAX_BYTES,
    what: 'The sample',
    remedy: 'Sweep fewer models, methods or factors.',
    fill,
  });
};
