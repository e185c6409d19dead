import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunManifest } from '../contract/run.ts';
import { type RunKind, runKind } from '../contract/run-kinds.ts';
import { fileErrorCode, isTaken } from '../files/file-errors.ts';

/** Result files of a run and their maximum sizes in bytes. */
const RESULT_FILES: ReadonlyMap<string, number> = new Map([
  ['results.json', 96 * 2 ** 20],
  ['points.json', 96 * 2 ** 20],
  ['plans.json', 96 * 2 ** 20],
  ['outcomes.parquet', 4 * 2 ** 30],
  ['verification.json', 64 * 2 ** 20],
  ['reproduction.json', 64 * 2 ** 20],
]);

const damageOf = async (file: string, mostBytes: number): Promise<string | null> => {
  try {
    const facts = await stat(file);
    if (!facts.isFile()) return 'is not a regular file';
    return facts.size > mostBytes ? `has ${facts.size} bytes, above the limit of ${mostBytes}` : null;
  } catch (error) {
    const code = fileErrorCode(error);
    if (code === null) throw error;
    if (code !== 'ENOENT') return `cannot be read (${code})`;
    // Does not exist yet, unless it is a dangling link.
    return (await isTaken(file)) ? 'is a dangling link' : null;
  }
};

/** Why a result file cannot be genuine, else null. Checks metadata only. */
export const resultDamage = async (folder: string): Promise<string | null> => {
  for (const [name, mostBytes] of RESULT_FILES) {
    const damage = await damageOf(join(folder, name), mostBytes);
    if (damage !== null) return `${name} ${damage}.`;
  }
  return null;
};

/** The kind of a run according to its name. */
export const kindFromName = (id: string): RunKind => runKind.safeParse(id.split('-')[0]).data ?? 'sweep';

/** Entry in the list for a run that cannot be read, so that one bad run does not hide the others. */
export const damagedRun = async (id: string, folder: string, damaged: string): Promise<RunManifest> => {
  const changed = await lstat(folder).then(
    ({ mtimeMs }) => new Date(mtimeMs),
    () => new Date(0),
  );
  return {
    id,
    kind: kindFromName(id),
    title: id,
    createdAt: changed.toISOString(),
    finishedAt: null,
    state: 'failed',
    error: damaged,
    spec: {},
    models: [],
    tasks: [],
    versions: {},
    device: { provider: 'unknown', precision: 'unknown', threads: 0, processor: 'unknown' },
    commandLine: '',
    output: null,
    damaged,
  };
};
