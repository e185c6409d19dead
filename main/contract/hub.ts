import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { modelInfo } from './model.ts';

/** One part of a repository's id: as the Hub allows them. */
const PART = /^(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/;

/** Whether a text is the id of a model's repository, `org/name`. */
export const isRepositoryId = (text: string): boolean => {
  const parts = text.split('/');
  return parts.length === 2 && parts.every((part) => PART.test(part) && !part.endsWith('.git'));
};

/** Id of a model's repository on the Hub: `org/name`. */
export const repositoryId = boundedText.refine(isRepositoryId, 'a repository is named org/name');

/** A commit of a repository: 40 hexadecimal digits. */
export const COMMIT = /^[0-9a-f]{40}$/;

/** A path in a repository that may become a path of a cache: no absolute one, no `..`, no empty part, no backslash. */
export const isRepositoryPath = (path: string): boolean =>
  path.length <= 1024 &&
  !/[\\\0-\x1f:]/.test(path) &&
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

/** A branch, a tag or a commit. */
const isRevision = (text: string): boolean =>
  text.length <= 255 && /^[A-Za-z0-9._/-]+$/.test(text) && isRepositoryPath(text);

export interface HubName {
  readonly repository: string;
  /** Branch, tag or commit; null: `main`. */
  readonly revision: string | null;
  /** A GGUF file of the repository; null: its only model. */
  readonly file: string | null;
}

/** Reads `org/name`, `org/name@revision`, `org/name/file.gguf` or `org/name/file.gguf@revision`; null for others. */
export const parseHubName = (text: string): HubName | null => {
  const at = text.indexOf('@');
  const [named, revision] = at === -1 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
  if (revision !== null && !isRevision(revision)) return null;
  const parts = named.split('/');
  const repository = parts.slice(0, 2).join('/');
  if (!isRepositoryId(repository)) return null;
  if (parts.length === 2) return { repository, revision, file: null };
  const file = parts.slice(2).join('/');
  return isRepositoryPath(file) && file.toLowerCase().endsWith('.gguf') ? { repository, revision, file } : null;
};

/** The name as `parseHubName` reads it. */
export const hubNameText = ({ repository, revision, file }: HubName): string =>
  `${repository}${file === null ? '' : `/${file}`}${revision === null ? '' : `@${revision}`}`;

/** Where the files of a model came from. */
export interface Published {
  readonly repository: string;
  readonly commit: string;
}

/** A model's name on the Hub, as `parseHubName` reads it. */
export const hubNameTyped = z
  .string()
  .max(512)
  .refine((text) => parseHubName(text) !== null, 'a model is named org/name');

/** A model on the Hub before anything of it is downloaded. */
export const hubModel = z.object({
  name: boundedText,
  repository: repositoryId,
  commit: z.string().regex(COMMIT),
  isGated: z.boolean(),
  info: modelInfo,
  files: boundedList(z.object({ path: boundedText, sizeBytes: z.number() })),
  /** Bytes of all needed files, and of those that are in the cache already. */
  totalBytes: z.number(),
  presentBytes: z.number(),
});
export type HubModel = z.infer<typeof hubModel>;

/** A model in the answer of a search. `family`: null where it is none of the workbench's. */
export const hubFound = z.object({
  repository: boundedText,
  downloads: z.number(),
  isGated: z.boolean(),
  modelType: boundedText.nullable(),
  isSupported: z.boolean(),
});
export type HubFound = z.infer<typeof hubFound>;

/** The Hub as this machine knows it, without a request. */
export const hubState = z.object({
  endpoint: boundedText.nullable(),
  cache: boundedText,
  /** What forbids asking the Hub; null: nothing. */
  forbiddenBy: boundedText.nullable(),
  hasToken: z.boolean(),
  /** Why a token that seems to be there cannot be read or used; null: nothing is wrong. */
  tokenProblem: boundedText.nullable(),
});
