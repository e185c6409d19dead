import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { formulaPrint } from '../evaluation/formula-print.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { isFile } from '../files/file-errors.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { makePrivateFolder } from '../workspace/user-key.ts';

const FOLDER = 'checked-runs';

/** Files whose content determines the check of a sweep. */
export const CHECKED = ['results.json', 'outcomes.parquet'];

/** Runs that a process has measured, with the checksums of `CHECKED` as it wrote them. */
export type MeasuredRuns = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * Remembers which results were found to follow from which outcomes, by the checksums of both and a hash of the
 * formulas, in a folder outside of every workspace: a run cannot vouch for itself.
 */
export interface KnownChecks {
  isKnown(checksums: ReadonlyMap<string, string>): Promise<boolean>;
  note(checksums: ReadonlyMap<string, string>): Promise<void>;
}

const nameOf = (checksums: ReadonlyMap<string, string>): string =>
  createHash('sha256')
    .update(canonicalJson([CHECKED.map((name) => checksums.get(name) ?? null), formulaPrint()]))
    .digest('hex');

const isSame = (left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): boolean =>
  CHECKED.every((name) => left.get(name) === right.get(name));

/**
 * `state`: this user's folder outside of workspaces, or null. `shipped`: checksums of bundled runs, which were checked
 * before they were shipped. `measured`: checksums of runs that this process has measured, whose results it computed
 * from these outcomes.
 */
export const createKnownChecks = (
  state: string | null,
  shipped: readonly Readonly<Record<string, string>>[],
  measured: MeasuredRuns = new Map(),
): KnownChecks => {
  const fileOf = (folder: string, checksums: ReadonlyMap<string, string>): string =>
    join(folder, FOLDER, nameOf(checksums));
  return {
    isKnown: async (checksums) => {
      if ([...measured.values()].some((known) => isSame(known, checksums))) return true;
      // A record of results alone has no outcomes to follow from.
      const isWhole = CHECKED.every((name) => checksums.has(name));
      if (isWhole && shipped.some((known) => isSame(new Map(Object.entries(known)), checksums))) return true;
      return state !== null && isFile(fileOf(state, checksums));
    },
    note: async (checksums) => {
      if (state === null) return;
      await makePrivateFolder(state);
      await writeFileAtomically(fileOf(state, checksums), '');
    },
  };
};
