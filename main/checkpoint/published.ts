import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { COMMIT, isRepositoryId, type Published } from '../contract/hub.ts';
import { refuse } from '../contract/errors.ts';
import { isGgufPath } from '../files/list-folder.ts';
import { namesIn, readTextIfThere } from '../files/regular-file.ts';

/** Folder of a repository in a cache: `models--org--name`. */
const REPOSITORY_FOLDER = /^models--(.+)$/;
/** A ref holds 40 digits. */
const MAX_REF_BYTES = 1024;

/** Id of the repository that a folder of a cache holds; null for any other folder. */
export const repositoryOfFolder = (folder: string): string | null => {
  const [, joined] = REPOSITORY_FOLDER.exec(path.basename(folder)) ?? [];
  const id = joined?.replace('--', '/');
  return id !== undefined && isRepositoryId(id) ? id : null;
};

/**
 * The commit that a branch or tag of a cached repository points to; null where it has no such ref.
 *
 * @throws WorkbenchError those of `readTextIfThere`.
 */
export const readRef = async (repositoryFolder: string, revision: string): Promise<string | null> => {
  const text = await readTextIfThere(path.join(repositoryFolder, 'refs', revision), {
    mostBytes: MAX_REF_BYTES,
  });
  // Python does not trim, and so does not find what has a line feed behind it; other programs write one.
  const commit = text?.trim();
  return commit !== undefined && COMMIT.test(commit) ? commit : null;
};

/** Commits of a cached repository. */
export const snapshotCommits = async (repositoryFolder: string): Promise<readonly string[]> =>
  (await namesIn(path.join(repositoryFolder, 'snapshots'), true)).filter((name) => COMMIT.test(name)).sort();

/**
 * The model in a path: a `models--org--name` folder stands for its snapshot (that of `refs/main`, else its only one),
 * any other path for itself.
 *
 * @throws WorkbenchError `no-snapshot` where a repository's folder has none, or several and no `refs/main`.
 */
export const modelPathOf = async (named: string): Promise<string> => {
  if (isGgufPath(named) || repositoryOfFolder(named) === null) return named;
  const commits = await snapshotCommits(named);
  const main = await readRef(named, 'main');
  const [only] = commits;
  const commit = main !== null && commits.includes(main) ? main : commits.length === 1 ? only : undefined;
  if (commit !== undefined) return path.join(named, 'snapshots', commit);
  // A folder that only has the name of a cache's is an ordinary one.
  if ((await namesIn(named, true)).includes('config.json')) return named;
  throw refuse(
    'no-snapshot',
    commits.length === 0
      ? `${named} contains no snapshot of a model.`
      : `${named} contains ${commits.length} snapshots, and refs/main names none of them.`,
    commits.length === 0 ? 'Download the model again.' : 'Name the folder of one: snapshots/COMMIT.',
  );
};

/**
 * The repository and commit of a model in a Hugging Face cache, by its path; null for any other model. A GGUF file may
 * lie in a subfolder.
 */
export const publishedAs = async (model: string): Promise<Published | null> => {
  const parts = path.resolve(model).split(path.sep);
  const at = parts.lastIndexOf('snapshots');
  const commit = parts[at + 1];
  if (at < 1 || commit === undefined || !COMMIT.test(commit)) return null;
  if (!isGgufPath(model) && parts.length !== at + 2) return null;
  const folder = parts.slice(0, at).join(path.sep);
  const repository = repositoryOfFolder(folder);
  if (repository === null) return null;
  const isFolder = await lstat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  return isFolder ? { repository, commit } : null;
};

/** The name of a model: `org/name` in a cache (and the GGUF file's), else that of its folder or file. */
export const modelName = (model: string, published: Published | null): string => {
  const file = path.basename(model).replace(/(-00001-of-\d{5})?\.gguf$/i, '');
  if (published === null) return isGgufPath(model) ? file : path.basename(model);
  return isGgufPath(model) ? `${published.repository}/${file}` : published.repository;
};
