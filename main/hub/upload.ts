import { openAsBlob } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { CancelledError, refuse, WorkbenchError } from '../contract/errors.ts';
import { PLAN_FILE } from '../contract/export.ts';
import { CARD_FILE } from '../export/export-folder.ts';
import { CHECKSUM_FILE, fileChecksum, readChecksums } from '../files/checksums.ts';
import { readText } from '../files/regular-file.ts';
import { type HubClient, type HubRequest, LOGIN } from './hub-client.ts';
import { readJsonAnswer, readRepository } from './repository.ts';

/** What `uncurl push` sends, and where. */
export interface UploadOrder {
  /** Folder of a verified export. */
  readonly folder: string;
  /** `org/name`. */
  readonly repository: string;
  readonly isPrivate: boolean;
  /** Adds to a repository that has files, and replaces those of the same names. */
  readonly intoExisting: boolean;
  /** Sends a card that states no measured costs. */
  readonly withoutNumbers: boolean;
}

interface UploadControl {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number, doing: string) => void) | undefined;
}

/** Model cards are texts of a few pages. */
const MAX_CARD_BYTES = 4 * 2 ** 20;
/** A card that states what a sweep measured of exactly this plan. */
const NUMBERS = /^## What pruning costs\s+Measured: /m;
/** Files that a new repository has of its own. */
const OWN_FILES: ReadonlySet<string> = new Set(['.gitattributes']);

/**
 * Checksums of a verified export's files by name.
 *
 * @throws WorkbenchError `not-verified` where the folder is no export.
 */
const exportChecksums = async (folder: string): Promise<ReadonlyMap<string, string>> => {
  const checksums = await readChecksums(folder);
  if (checksums !== null && checksums.has(CARD_FILE) && checksums.has(PLAN_FILE)) return checksums;
  throw refuse(
    'not-verified',
    `${folder} is not a verified export: it lacks ${CHECKSUM_FILE}, ${CARD_FILE} or ${PLAN_FILE}.`,
    'Make it with "uncurl export", which verifies what it writes.',
  );
};

/** Refuses an export of which a file has changed. @throws WorkbenchError `not-verified`. */
const requireAsVerified = async (
  folder: string,
  checksums: ReadonlyMap<string, string>,
  signal: AbortSignal | undefined,
): Promise<void> => {
  for (const [name, checksum] of checksums)
    if ((await fileChecksum(path.join(folder, name), signal)) !== checksum)
      throw refuse(
        'not-verified',
        `${path.join(folder, name)} has changed since the export was verified.`,
        'Export again, so that what is published is what was measured.',
      );
};

const validation = z.object({ errors: boundedList(z.object({ message: boundedText })).default([]) });

/** Sends a JSON document to a path of the Hub's interface. */
const post = (
  { endpoint, request }: HubClient,
  address: string,
  document: object,
  init: Pick<HubRequest, 'accepted' | 'signal'>,
): Promise<Response> =>
  request(`${endpoint}/api/${address}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(document),
    ...init,
  });

/** Asks the Hub whether it takes a card; refuses before anything is sent. */
const requireValidCard = async (client: HubClient, card: string, signal: AbortSignal | undefined): Promise<void> => {
  const document = { content: card, repoType: 'model' };
  const response = await post(client, 'validate-yaml', document, { accepted: [400], signal: signal ?? null });
  if (response.ok) return;
  const { errors } = validation
    .catch({ errors: [] })
    .parse(await readJsonAnswer<unknown>('the card', () => response.json()));
  throw refuse(
    'card-refused',
    `The Hub does not take the card: ${errors.map(({ message }) => message).join(' ') || 'it does not say why'}.`,
    `Change the lines between "---" in ${CARD_FILE} of the model that was exported, and export again.`,
  );
};

/** Whether the repository exists; refuses one that has files. @throws WorkbenchError `repository-has-files`. */
const repositoryExists = async (
  client: HubClient,
  { repository, isPrivate, intoExisting }: UploadOrder,
): Promise<boolean> => {
  const found = await readRepository(client, repository, 'main').catch((error: unknown) => {
    if (error instanceof WorkbenchError && error.code === 'hub-no-repository') return null;
    throw error;
  });
  if (found === null) return false;
  if (isPrivate && !found.isPrivate)
    throw refuse('repository-public', `${repository} exists, and is public.`, 'Name another one, or omit --private.');
  const files = found.files.filter(({ path: file }) => !OWN_FILES.has(file));
  if (files.length === 0 || intoExisting) return true;
  throw refuse(
    'repository-has-files',
    `${repository} has ${files.length} files already.`,
    'Name another repository, or give --into-existing to add to it and to replace files of the same names.',
  );
};

/**
 * Everything that can be refused before a byte is sent, but for the checksums of the files; whether the repository
 * exists.
 *
 * @throws WorkbenchError `not-verified`, `card-without-numbers`, `card-refused`, `repository-has-files`; the client's.
 */
export const checkUpload = async (client: HubClient, order: UploadOrder, signal?: AbortSignal): Promise<boolean> => {
  const { folder, withoutNumbers } = order;
  await exportChecksums(folder);
  const card = await readText(path.join(folder, CARD_FILE), { mostBytes: MAX_CARD_BYTES });
  if (!withoutNumbers && !NUMBERS.test(card))
    throw refuse(
      'card-without-numbers',
      `The card of ${folder} says nothing about what pruning costs: no sweep measured this plan.`,
      'Measure the plan in a sweep and export from it, or give --without-numbers.',
    );
  if ((await client.settings.token()) === null)
    throw refuse('hub-no-token', 'Publishing needs a token that may write.', LOGIN);
  await requireValidCard(client, card, signal);
  return repositoryExists(client, order);
};

/** `fetch` that counts the bytes of each upload as they are read. */
const countingFetch =
  (client: HubClient, sent: (bytes: number) => void): typeof fetch =>
  (input, init) => {
    const body = init?.body;
    if (init?.method !== 'PUT' || !(body instanceof Blob)) return client.fetch(input, init);
    const counted = body.stream().pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          sent(chunk.length);
          controller.enqueue(chunk);
        },
      }),
    );
    // The length is stated, since stores of large files take no chunked bodies.
    const headers = new Headers(init.headers);
    headers.set('content-length', String(body.size));
    const streamed: RequestInit & { readonly duplex: 'half' } = { ...init, headers, body: counted, duplex: 'half' };
    return client.fetch(input, streamed);
  };

/**
 * Publishes a verified export: makes the repository, and sends all files in one commit. Large files that the Hub has
 * already are not sent again, so that an upload that ended continues with the next file.
 *
 * @throws WorkbenchError those of `checkUpload`.
 */
export const uploadExport = async (
  client: HubClient,
  order: UploadOrder,
  { signal, onProgress }: UploadControl = {},
): Promise<{ readonly url: string; readonly commit: string }> => {
  const { folder, repository } = order;
  const exists = await checkUpload(client, order, signal);
  const checksums = await exportChecksums(folder);
  await requireAsVerified(folder, checksums, signal);
  if (!exists) {
    const [organization, name] = repository.split('/');
    const document = { name, organization, type: 'model', private: order.isPrivate };
    await post(client, 'repos/create', document, { signal: signal ?? null });
  }
  const files = await Promise.all(
    [...[...checksums.keys()].sort(), CHECKSUM_FILE].map(async (name) => ({
      name,
      content: await openAsBlob(path.join(folder, name)),
    })),
  );
  const total = files.reduce((sum, { content }) => sum + content.size, 0);
  let sent = 0;
  const report = (bytes: number): void => {
    sent += bytes;
    onProgress?.(Math.min(sent, total), total, `Uploading to ${repository}`);
  };
  // Loaded on use, as in repository.ts.
  const { commit } = await import('@huggingface/hub');
  const made = await commit({
    repo: repository,
    title: 'A pruned model, verified by Uncurl Workbench',
    operations: files.map(({ name, content }) => ({ operation: 'addOrUpdate', path: name, content })),
    hubUrl: client.endpoint,
    fetch: countingFetch(client, report),
    useXet: false,
    ...(signal === undefined ? {} : { abortSignal: signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted === true)
      throw new CancelledError('The upload', 'Large files that arrived are not sent again by the same command.');
    throw error;
  });
  if (made === undefined) throw new Error('a commit without an answer');
  onProgress?.(total, total, `Uploaded to ${repository}`);
  return { url: `${client.endpoint}/${repository}`, commit: made.commit.oid };
};
