import { access, copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdDecompress, type ZstdOptions } from 'node:zlib';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { expected, refuse, requireAsked, type WorkbenchError } from '../contract/errors.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { RunManifest } from '../contract/run.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { namesIn, readBytes } from '../files/regular-file.ts';
import { syncFile, temporaryNameFor, writeFileAtomically } from '../files/write-atomically.ts';
import type { Numerics } from '../jobs/job-context.ts';
import { taskProfileKey } from '../jobs/plan-step.ts';
import { NUMERICS_VERSION } from '../jobs/step.ts';
import { PLANS, POINTS, RESULTS } from '../runs/sweep-record.ts';
import type { Task } from '../tasks/task.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { isProfileName, profileContent, readProfileFile } from '../workspace/profile-file.ts';
import { isAsBundled } from '../workspace/sealed-files.ts';

/** Folder of the bundled sweep in the resources. */
export const sampleFolder = (resources: string): string => join(resources, 'sample', 'run');

export const COMPRESSED = '.zst';

/** Whether a file of a run is bundled compressed. Outcomes are compressed already, and the others are small. */
export const isShippedCompressed = (name: string): boolean =>
  name.endsWith('.safetensors') || [RESULTS, PLANS, POINTS].includes(name);

/** Name of the sample among the runs of a workspace. */
export const SAMPLE_RUN = 'sample';

/** Marks that a workspace was given the sample once: if its user removes it, it is not added again. */
const MARK = 'sample.json';

/** Largest file of a bundled run, packed or unpacked. */
const MAX_FILE_BYTES = 256 * 2 ** 20;

/** The decoder; undefined in an older runtime (the old Electron of the tests), which lacks it. */
type Decoder = typeof zstdDecompress | undefined;

/**
 * Unpacks a file of a bundled run.
 *
 * @throws WorkbenchError `no-decoder`, `recording-damaged`.
 */
export const unpack = async (packed: Uint8Array, file: string, decoder: Decoder = zstdDecompress): Promise<Buffer> => {
  if (typeof decoder !== 'function')
    throw refuse(
      'no-decoder',
      `${file} cannot be read: this runtime (Node ${process.versions.node}) has no decoder for Zstandard.`,
      'Use the Node or Electron that the workbench ships with. Everything else works.',
    );
  try {
    return await promisify<Uint8Array, ZstdOptions, Buffer>(decoder)(packed, {
      maxOutputLength: MAX_FILE_BYTES,
    });
  } catch (cause) {
    throw refuse(
      'recording-damaged',
      `${file} is damaged: ${cause instanceof Error ? cause.message : String(cause)}.`,
      'Install the workbench again.',
      cause,
    );
  }
};

const unpackFile = async (source: string, name: string, folder: string): Promise<void> => {
  const isCompressed = name.endsWith(COMPRESSED);
  const file = join(folder, isCompressed ? name.slice(0, -COMPRESSED.length) : name);
  const packed = join(source, name);
  if (isCompressed) await writeFile(file, await unpack(await readBytes(packed, { mostBytes: MAX_FILE_BYTES }), packed));
  else await copyFile(packed, file);
  await syncFile(file);
};

/**
 * Adds a bundled run to a workspace, completely or not at all; false where it is there already.
 *
 * @throws WorkbenchError `call-cancelled` once `signal` is aborted.
 */
export const addBundledRun = async (
  { runs, temporaryFolder }: Pick<Workspace, 'runs' | 'temporaryFolder'>,
  source: string,
  run: string,
  signal?: AbortSignal,
): Promise<boolean> => {
  const destination = runs.folder(run);
  if ((await namesIn(destination)).length > 0) return false;
  const names = await namesIn(source);
  if (names.length === 0)
    throw refuse('no-sample', `There is no run in ${source}.`, 'Name another run, or restore the folder.');
  const coming = temporaryNameFor(destination, temporaryFolder);
  try {
    await mkdir(coming);
    // One after another: files that are still being written could not be removed if another one fails.
    for (const name of names) {
      if (signal !== undefined) requireAsked(signal);
      await unpackFile(source, name, coming);
    }
    await rename(coming, destination);
    return true;
  } catch (error) {
    await rm(coming, { recursive: true, force: true });
    // Another engine was faster.
    if (fileErrorCode(error) === 'ENOTEMPTY' || fileErrorCode(error) === 'EEXIST') return false;
    throw explainFileError(error, destination);
  }
};

/** Adds the sample to a workspace; false where it is there already. */
export const addSample = (
  workspace: Pick<Workspace, 'runs' | 'temporaryFolder'>,
  resources: string,
  signal?: AbortSignal,
): Promise<boolean> => addBundledRun(workspace, sampleFolder(resources), SAMPLE_RUN, signal);

/** Errors of the sample itself: the engine starts without it, and says why. */
const OF_SAMPLE = ['no-decoder', 'recording-damaged'];

/**
 * Adds the sample to a workspace without runs, once: a workspace that was offered it before is unchanged. Does nothing
 * in a package without a sample. Returns why the sample cannot be read here; null where it can, or is not needed.
 */
export const offerSample = async (
  workspace: Pick<Workspace, 'path' | 'runs' | 'temporaryFolder'>,
  resources: string,
): Promise<WorkbenchError | null> => {
  const { path, runs, temporaryFolder } = workspace;
  if ((await namesIn(path)).includes(MARK)) return null;
  if ((await namesIn(sampleFolder(resources))).length === 0) return null;
  const isFresh = (await runs.list()).length === 0;
  if (isFresh) {
    const problem = await addSample(workspace, resources).then(
      () => null,
      expected((error) => error, OF_SAMPLE),
    );
    if (problem !== null) return problem;
  }
  const mark = { run: isFresh ? SAMPLE_RUN : null };
  await writeFileAtomically(join(path, MARK), `${JSON.stringify(mark)}\n`, temporaryFolder);
  return null;
};

export interface RestoredProfiles {
  readonly workspace: Pick<Workspace, 'runs' | 'steps'>;
  readonly numerics: Numerics;
  /** The bundled tasks. */
  readonly tasks: readonly Task[];
  /** Identity under which results of a model are stored (Checkpoint.identity), by its fingerprint. */
  readonly identities: ReadonlyMap<string, string>;
  emit(event: EngineEvent): void;
}

/** Whether this engine would have computed the same numbers as the run. */
const isOfTheseNumerics = ({ versions, device }: RunManifest, numerics: Numerics): boolean =>
  versions['numerics'] === String(NUMERICS_VERSION) &&
  `onnxruntime ${versions['onnxruntime'] ?? 'unknown'}` === numerics.runtime &&
  device.provider === numerics.provider &&
  device.precision === numerics.precision;

/**
 * Adds the profiles of a bundled run to the step store where they are missing, as if they had been computed here.
 * Profiles of another engine's numbers, or of a changed task, are skipped, and all of a run that only has its name.
 */
export const restoreProfiles = async (
  { workspace, numerics, tasks, identities, emit }: RestoredProfiles,
  run: string,
): Promise<void> => {
  const { runs, steps } = workspace;
  if (!isOfTheseNumerics(await runs.read(run), numerics)) return;
  const folder = runs.folder(run);
  const files = (await readdir(folder)).filter(isProfileName);
  const restoreFile = async (name: string): Promise<void> => {
    if (!(await isAsBundled(folder, name))) return;
    const { model, fingerprint, tasks: profiled } = await readProfileFile(join(folder, name));
    await Promise.all(
      profiled.map(async (profile) => {
        const task = tasks.find(({ hash }) => hash === profile.hash);
        const identity = identities.get(fingerprint);
        const key = task === undefined || identity === undefined ? null : taskProfileKey(identity, task, numerics);
        if (key === null || (await steps.readTensors(key, 'profile')) !== null) return;
        await steps.writeTensors(key, 'profile', profileContent({ model, fingerprint, tasks: [profile] }));
        emit({ type: 'profile.ready', run, fingerprint, task: profile.name });
      }),
    );
  };
  const restored = await Promise.allSettled(files.map(restoreFile));
  for (const file of restored) if (file.status === 'rejected') throw file.reason;
};

/** Where the sample lies, and the bundled models and tasks that its profiles are of. */
interface SampleWorkspace extends Pick<RestoredProfiles, 'workspace' | 'numerics' | 'emit'> {
  /** Paths by name. */
  readonly bundled: Readonly<Record<'models' | 'tasks', ReadonlyMap<string, string>>>;
  readonly checkpoint: (folder: string) => Promise<Pick<Checkpoint, 'fingerprint' | 'identity'>>;
  readonly task: (path: string) => Promise<Task>;
}

/** Adds the profiles of the sample, if the workspace has it, to the step store: its heatmaps then need no compute. */
export const restoreSample = async (context: SampleWorkspace): Promise<void> => {
  const { workspace, bundled, numerics, emit } = context;
  const folder = workspace.runs.folder(SAMPLE_RUN);
  try {
    await access(folder);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return;
    throw explainFileError(error, folder);
  }
  const tasks = await Promise.all([...bundled.tasks.values()].map((path) => context.task(path)));
  const models = await Promise.all([...bundled.models.values()].map((path) => context.checkpoint(path)));
  const identities = new Map(models.map(({ fingerprint, identity }) => [fingerprint, identity]));
  await restoreProfiles({ workspace, numerics, tasks, identities, emit }, SAMPLE_RUN);
};

/** Name of the bundled experiment among the runs of a workspace. */
export const RECORDED_EXPERIMENT = 'experiment';

/** Title of a bundled run, of the title of the run that it records; other runs keep theirs. */
export const recordedTitle = (run: string, title: string): string => {
  const prefix = new Map([
    [SAMPLE_RUN, 'Sample'],
    [RECORDED_EXPERIMENT, 'Recorded'],
  ]).get(run);
  return prefix === undefined ? title : `${prefix}: ${title.charAt(0).toLowerCase()}${title.slice(1)}`;
};

/** Folder of the bundled experiment in the resources. */
export const recordedExperimentFolder = (resources: string): string => join(resources, 'experiment', 'run');

/** Adds the recorded experiment to a workspace; false where it is there already. */
export const addRecordedExperiment = (
  workspace: Pick<Workspace, 'runs' | 'temporaryFolder'>,
  resources: string,
  signal?: AbortSignal,
): Promise<boolean> => addBundledRun(workspace, recordedExperimentFolder(resources), RECORDED_EXPERIMENT, signal);
