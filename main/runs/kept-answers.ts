import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress, type BrotliOptions } from 'node:zlib';
import { z } from 'zod';
import { present } from '../contract/errors.ts';
import { formulaPrint } from '../evaluation/formula-print.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { engineProgram } from '../files/engine-program.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { pathSignature } from '../files/path-signature.ts';
import { fileState, readBytesIfThere, readTextIfThere } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { bundledRecords } from '../workspace/bundled-records.ts';
import { contentChecksums, MANIFEST } from '../workspace/sealed-files.ts';
import { makePrivateFolder } from '../workspace/user-key.ts';
import type { RunManifest } from '../contract/run.ts';
import { CHECKED, type KnownChecks } from './known-checks.ts';

const FOLDER = 'kept-answers';
/** Answers that are kept, the newest ones: those of a few runs at a few margins. */
const MOST_KEPT = 64;
/** The report of the sample has 6 MB. */
const MOST_BYTES = 64 * 2 ** 20;
const MOST_HASH_BYTES = 64;

/** The state of every source in a folder: reading them all takes longer than most answers. */
const statesOfSources = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => extname(name) === '.ts')
    .sort()
    .map((name) => `${name} ${fileState(statSync(join(folder, name)))}`);

/**
 * A hash of the program that computes answers: of the bundle's bytes, or of sizes and times of the sources in a clone.
 * An answer of another version is not used.
 */
export const programPrint = async (program = engineProgram('run-reader')): Promise<string> => {
  const isSource = extname(program) === '.ts';
  const content = isSource ? statesOfSources(dirname(dirname(program))).join('\n') : await readFile(program);
  return createHash('sha256').update(`${program}\0`).update(content).digest('hex');
};

let printed: Promise<string> | null = null;

/** The same of the program that runs, computed once. */
export const ownPrint = (): Promise<string> => (printed ??= programPrint());

/** What is known of the runs of a workspace. */
interface KnownRuns {
  readonly runs: { readonly folder: (run: string) => string };
  readonly resources: string;
  readonly knownChecks: KnownChecks;
  isLive(run: string): boolean;
  vouched(run: string): Promise<RunManifest>;
}

/** Answers about finished runs, computed once. */
export interface KeptAnswers {
  /** The answer to `what` about a run, as kept, else made and then kept. It must survive JSON. */
  of<T>(source: KnownRuns, run: string, what: unknown, make: () => Promise<T>): Promise<T>;
  /** The same as JSON text, which is not parsed. */
  textOf(source: KnownRuns, run: string, what: unknown, make: () => Promise<unknown>): Promise<string>;
  /** The text of an answer that is kept; null: it has to be made. */
  textIfKept(source: KnownRuns, run: string, what: unknown): Promise<string | null>;
}

/** What the answers of the bundled sweep are computed with: those of other formulas are not used. */
export const formulasHash = (): string => createHash('sha256').update(formulaPrint()).digest('hex');

/**
 * The folder of the answers about the bundled sweep that come with it, each packed by itself, since a start reads one.
 * "npm run docs" writes them; tests/structure/recorded-tables.test.ts compares.
 */
export const shippedFolder = (resources: string): string => join(resources, 'sample', 'answers');

/** The file of an answer in it, which names the formulas too. */
export const shippedName = (run: string, what: unknown, formulas: string): string =>
  `${createHash('sha256')
    .update(canonicalJson([formulas, run, what]))
    .digest('hex')
    .slice(0, 32)}.json.br`;

const unpack = promisify<Uint8Array, BrotliOptions, Buffer>(brotliDecompress);

/** The JSON text of a shipped answer; null without such a file (an answer of other formulas, a package of its own). */
export const readShippedAnswer = async (resources: string, name: string): Promise<string | null> => {
  const packed = await readBytesIfThere(join(shippedFolder(resources), name), { mostBytes: MOST_BYTES });
  return packed === null ? null : (await unpack(packed, { maxOutputLength: MOST_BYTES })).toString('utf8');
};

/** Whether a folder holds the bundled sweep, to the byte. Of another run only the manifest is read. */
const isBundledSweep = async (folder: string): Promise<boolean> => {
  const record = present(bundledRecords['sample'], 'the sample has no record');
  for (const name of [MANIFEST, ...Object.keys(record)])
    if ((await contentChecksums(folder, [name])).get(name) !== record[name]) return false;
  return true;
};

/**
 * Keeps answers in this user's folder outside of workspaces, by a hash of all files of the run, its provenance, the
 * question, and the program. Only of runs whose results are known to follow from their outcomes (`KnownChecks`): a run
 * cannot vouch for itself, and a check that found something is made again. `state`: null keeps nothing.
 */
export const createKeptAnswers = (state: string | null, print: () => Promise<string> = ownPrint): KeptAnswers => {
  let known: Promise<string> | null = null;
  /** `formulasHash` of this program, remembered: to compute it takes longer than to read an answer. */
  const formulasOf = async (folder: string): Promise<string> => {
    const file = join(folder, FOLDER, `formulas-${await (known ??= print())}`);
    const before = await readTextIfThere(file, { mostBytes: MOST_HASH_BYTES });
    if (before !== null) return before;
    const computed = formulasHash();
    await makePrivateFolder(join(folder, FOLDER));
    await writeFileAtomically(file, computed);
    return computed;
  };
  const shippedText = async (source: KnownRuns, run: string, what: unknown): Promise<string | null> => {
    if (state === null || source.isLive(run) || !(await isBundledSweep(source.runs.folder(run)))) return null;
    return readShippedAnswer(source.resources, shippedName(run, what, await formulasOf(state)));
  };
  const keyOf = async (source: KnownRuns, run: string, what: unknown): Promise<string | null> => {
    if (state === null || source.isLive(run)) return null;
    const { provenance, state: ended } = await source.vouched(run);
    if (ended === 'running' || ended === 'queued') return null;
    const folder = source.runs.folder(run);
    const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
    const content = await contentChecksums(
      folder,
      names.map(({ name }) => name),
    );
    if (!CHECKED.every((name) => content.has(name)) || !(await source.knownChecks.isKnown(content))) return null;
    const files = [...content].sort(([one], [other]) => (one < other ? -1 : 1));
    const bundled = await Promise.all(
      ['sample', 'models', 'tasks'].map((name) => pathSignature(join(source.resources, name))),
    );
    const key = [await (known ??= print()), run, files, provenance ?? null, bundled, what];
    return createHash('sha256').update(canonicalJson(key)).digest('hex');
  };
  const textIfKept = async (source: KnownRuns, run: string, what: unknown): Promise<string | null> => {
    const shipped = await shippedText(source, run, what);
    if (shipped !== null || state === null) return shipped;
    const key = await keyOf(source, run, what);
    return key === null ? null : readTextIfThere(join(state, FOLDER, key), { mostBytes: MOST_BYTES });
  };
  /** The text of an answer, or, where none is kept, its value, which is kept from now on. */
  const found = async <T>(
    source: KnownRuns,
    run: string,
    what: unknown,
    make: () => Promise<T>,
  ): Promise<{ readonly text: string } | { readonly value: T }> => {
    const before = await textIfKept(source, run, what);
    if (before !== null) return { text: before };
    const value = await make();
    // Not before: the first reading of a run is what checks it.
    const key = await keyOf(source, run, what);
    if (state === null || key === null) return { value };
    const text = JSON.stringify(value);
    if (text.length > MOST_BYTES) return { value };
    await makePrivateFolder(join(state, FOLDER));
    await writeFileAtomically(join(state, FOLDER, key), text);
    await removeOldest(join(state, FOLDER));
    return { value };
  };
  return {
    textIfKept,
    of: async <T>(source: KnownRuns, run: string, what: unknown, make: () => Promise<T>): Promise<T> => {
      const answer = await found(source, run, what, make);
      return 'text' in answer ? z.custom<T>().parse(parseForeignJson(answer.text)) : answer.value;
    },
    textOf: async (source, run, what, make) => {
      const answer = await found(source, run, what, make);
      return 'text' in answer ? answer.text : JSON.stringify(answer.value);
    },
  };
};

const removeOldest = async (folder: string): Promise<void> => {
  const names = await readdir(folder);
  if (names.length <= MOST_KEPT) return;
  const aged = await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name);
      // Another process may remove it at the same time.
      const changed = await stat(file).then(
        ({ mtimeMs }) => mtimeMs,
        (error: unknown) => {
          if (fileErrorCode(error) === null) throw error;
          return 0;
        },
      );
      return { file, changed };
    }),
  );
  aged.sort((left, right) => right.changed - left.changed);
  for (const { file } of aged.slice(MOST_KEPT)) await rm(file, { force: true });
};
