import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { readIndex } from '../checkpoint/open-checkpoint.ts';
import { readRef, repositoryOfFolder, snapshotCommits } from '../checkpoint/published.ts';
import { COMMIT, type HubName } from '../contract/hub.ts';
import { refuse } from '../contract/errors.ts';
import { fileErrorCode, isFile } from '../files/file-errors.ts';
import { isGgufPath } from '../files/list-folder.ts';

/** Folder of a repository in a cache. */
export const repositoryFolder = (cache: string, repository: string): string =>
  path.join(cache, `models--${repository.replace('/', '--')}`);

export const snapshotFolder = (cache: string, repository: string, commit: string): string =>
  path.join(repositoryFolder(cache, repository), 'snapshots', commit);

/** Parts of a split GGUF file (NAME-00001-of-00003.gguf), or the file itself. */
export const ggufParts = (file: string): readonly string[] => {
  const [, stem, total] = /^(.*)-\d{5}-of-(\d{5})\.gguf$/.exec(file) ?? [];
  if (stem === undefined || total === undefined || Number(total) < 1 || Number(total) > 1000) return [file];
  return Array.from(
    { length: Number(total) },
    (_, part) => `${stem}-${String(part + 1).padStart(5, '0')}-of-${total}.gguf`,
  );
};

/** Model files without which a snapshot is not a model: none where all are there. */
const missingIn = async (snapshot: string, file: string | null): Promise<readonly string[]> => {
  const absent = async (names: readonly string[]): Promise<readonly string[]> => {
    const found = await Promise.all(
      names.map(async (name) => ((await isFile(path.join(snapshot, name))) ? [] : [name])),
    );
    return found.flat();
  };
  if (file !== null) return absent(ggufParts(file));
  const hasConfig = await absent(['config.json']);
  if ((await absent(['model.safetensors'])).length === 0) return hasConfig;
  const index = await readIndex(snapshot);
  if (index === null) return [...hasConfig, 'model.safetensors'];
  return [...hasConfig, ...(await absent([...new Set(Object.values(index.weight_map))].sort()))];
};

/** GGUF models among files: a split one counts once, by its first part. */
export const ggufModelsAmong = (files: readonly string[]): readonly string[] =>
  files.filter((file) => isGgufPath(file) && ggufParts(file)[0] === file).sort();

/** GGUF models directly in a snapshot. */
const ggufModels = async (snapshot: string): Promise<readonly string[]> => {
  const names = await readdir(snapshot).catch((error: unknown): string[] => {
    if (fileErrorCode(error) !== null) return [];
    throw error;
  });
  return ggufModelsAmong(names);
};

/** A model in the cache, or what it lacks. */
export type CachedModel =
  | { readonly kind: 'found'; readonly path: string; readonly commit: string }
  | { readonly kind: 'missing'; readonly what: string };

/** Names of files that a sentence lists. */
const MOST_NAMED = 4;

const listed = (names: readonly string[]): string =>
  names.length <= MOST_NAMED
    ? names.join(', ')
    : `${names.slice(0, MOST_NAMED).join(', ')} and ${names.length - MOST_NAMED} more`;

/**
 * Finds a model in the cache, without any request: by commit, or by the commit in `refs/REVISION`. No snapshot is
 * guessed. Files are looked for by name only.
 *
 * @throws WorkbenchError `several-models` where a repository has several GGUF files and no weights of another kind.
 */
export const findInCache = async (cache: string, { repository, revision, file }: HubName): Promise<CachedModel> => {
  const folder = repositoryFolder(cache, repository);
  const asked = revision ?? 'main';
  const commit = COMMIT.test(asked) ? asked : await readRef(folder, asked);
  if (commit === null)
    return {
      kind: 'missing',
      what: (await isFile(folder)) ? `${folder} has no refs/${asked}` : `${folder} does not exist`,
    };
  const snapshot = snapshotFolder(cache, repository, commit);
  const missing = await missingIn(snapshot, file);
  if (missing.length === 0)
    return { kind: 'found', path: file === null ? snapshot : path.join(snapshot, file), commit };
  const [gguf, another] = file === null ? await ggufModels(snapshot) : [];
  if (gguf === undefined) return { kind: 'missing', what: `${snapshot} lacks ${listed(missing)}` };
  if (another !== undefined)
    throw refuse(
      'several-models',
      `${repository} has several GGUF files here: ${listed(await ggufModels(snapshot))}.`,
      `Name one: ${repository}/${gguf}.`,
    );
  return findInCache(cache, { repository, revision: commit, file: gguf });
};

/** Models of the cache that are complete: the snapshot of each branch, tag or commit once. */
export const modelsInCache = async (cache: string): Promise<readonly string[]> => {
  const names = await readdir(cache).catch((error: unknown): string[] => {
    if (fileErrorCode(error) === 'ENOENT' || fileErrorCode(error) === 'ENOTDIR') return [];
    throw error;
  });
  const found: string[] = [];
  for (const name of names.sort()) {
    const repository = repositoryOfFolder(name);
    if (repository === null) continue;
    for (const commit of await snapshotCommits(path.join(cache, name))) {
      const snapshot = snapshotFolder(cache, repository, commit);
      if ((await missingIn(snapshot, null)).length === 0) found.push(snapshot);
      else for (const gguf of await ggufModels(snapshot)) found.push(path.join(snapshot, gguf));
    }
  }
  return found;
};
