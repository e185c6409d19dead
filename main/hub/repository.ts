import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { COMMIT, isRepositoryPath } from '../contract/hub.ts';
import { refuse } from '../contract/errors.ts';
import type { HubClient } from './hub-client.ts';

/** Loaded on use: a start that asks the Hub nothing need not wait for 270 modules. */
const hubLibrary = () => import('@huggingface/hub');

/** A file of a commit. `etag`: SHA-256 of a large file's content, or git's SHA-1 of a small one's blob. */
export interface RepositoryFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** A commit of a repository: everything of it that is known without its files. */
export interface Repository {
  readonly id: string;
  readonly commit: string;
  readonly files: readonly RepositoryFile[];
  /** Whether its terms must be accepted on its page first. */
  readonly isGated: boolean;
  readonly isPrivate: boolean;
}

/** The largest repositories of models have some thousand files. */
const MAX_FILES = 50_000;

const entry = z.object({
  type: z.enum(['file', 'directory', 'unknown']),
  path: boundedText,
  size: z.number().int().nonnegative(),
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.number().int().nonnegative() }).nullish(),
});

export const badAnswer = (about: string, what: string): Error =>
  refuse('hub-bad-answer', `The Hub's answer about ${about} cannot be used: ${what}.`, 'Check HF_ENDPOINT.');

/**
 * What is read from answers in JSON. The page of a proxy, or of a network that wants a login, is none.
 *
 * @throws WorkbenchError `hub-bad-answer`.
 */
export const readJsonAnswer = async <T>(about: string, read: () => Promise<T>): Promise<T> => {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SyntaxError) throw badAnswer(about, 'it is not JSON');
    throw error;
  }
};

const facts = z.object({
  sha: z.string().regex(COMMIT),
  private: z.boolean().optional(),
  gated: z.union([z.boolean(), boundedText]).optional(),
});

/**
 * Lists a revision of a repository.
 *
 * @throws WorkbenchError those of the client, `hub-bad-answer`, `hub-bad-path`.
 */
export const readRepository = (
  { endpoint: hubUrl, fetch }: HubClient,
  id: string,
  revision: string,
): Promise<Repository> =>
  readJsonAnswer(id, async () => {
    const { listFiles, modelInfo } = await hubLibrary();
    const found = facts.safeParse(await modelInfo({ name: id, revision, hubUrl, fetch, additionalFields: ['sha'] }));
    if (!found.success) throw badAnswer(id, z.prettifyError(found.error));
    const { sha: commit } = found.data;
    const files: RepositoryFile[] = [];
    for await (const listed of listFiles({ repo: id, revision: commit, recursive: true, hubUrl, fetch })) {
      const parsed = entry.safeParse(listed);
      if (!parsed.success) throw badAnswer(id, z.prettifyError(parsed.error));
      const { type, path, size, oid, lfs } = parsed.data;
      if (!isRepositoryPath(path))
        throw refuse(
          'hub-bad-path',
          `${id} lists a file ${JSON.stringify(path)}, whose name leads out of its folder.`,
          'Nothing of this repository is downloaded.',
        );
      if (type === 'file') files.push({ path, sizeBytes: lfs?.size ?? size, etag: lfs?.oid ?? oid });
      if (files.length > MAX_FILES) throw badAnswer(id, `it has more than ${MAX_FILES} files`);
    }
    const { gated = false, private: isPrivate = false } = found.data;
    return { id, commit, files, isGated: gated !== false, isPrivate };
  });

/** A model in the answer of a search. */
export interface FoundModel {
  readonly id: string;
  readonly downloads: number;
  readonly isGated: boolean;
  /** The `model_type` of its config; null where the Hub does not say. */
  readonly modelType: string | null;
}

const listedModel = z.object({
  name: boundedText,
  downloads: z.number().catch(0),
  gated: z.union([z.boolean(), boundedText]).catch(false),
  config: z.object({ model_type: boundedText.optional() }).nullish().catch(null),
});

/** Searches models by a part of their names, the most downloaded first. */
export const searchModels = (
  { endpoint: hubUrl, fetch }: HubClient,
  query: string,
  most: number,
): Promise<readonly FoundModel[]> => {
  const about = `models named "${query}"`;
  return readJsonAnswer(about, async () => {
    const found: FoundModel[] = [];
    const { listModels } = await hubLibrary();
    for await (const listed of listModels({
      search: { query, task: 'text-generation' },
      sort: 'downloads',
      limit: most,
      hubUrl,
      fetch,
      additionalFields: ['config'],
    })) {
      const parsed = listedModel.safeParse(listed);
      if (!parsed.success) throw badAnswer(about, z.prettifyError(parsed.error));
      const { name, downloads, gated, config } = parsed.data;
      found.push({ id: name, downloads, isGated: gated !== false, modelType: config?.model_type ?? null });
    }
    return found;
  });
};
