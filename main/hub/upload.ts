import { openAsBlob } from 'node:fs';
import path from 'node:path';
import { commit } from '@huggingface/hub';
import { z } from 'zod';
import { CancelledError, refuse, WorkbenchError } from '../contract/errors.ts';
import { PLAN_FILE } from '../contract/export.ts';
import { CARD_FILE } from '../export/export-folder.ts';
import { CHECKSUM_FILE, fileChecksum, readChecksums } from '../files/checksums.ts';
import { readText } from '../files/regular-file.ts';
import { type HubClient, LOGIN } from './hub-client.ts';
import { readRepository } from './repository.ts';

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
/** The heading of a card under which an export's measured costs stand. */
const NUMBERS = /^## What pruning costs$/m;
/** Files that a new repository has of its own. */
const OWN_FILES: ReadonlySet<string> = new Set(['.gitattributes']);

/**
 * The files of a verified export by name, each as it was verified.
 *
 * @throws WorkbenchError `not-verified` where the folder is no export, or a file has changed since.
 */
const verifiedFiles = async (folder: string, signal: AbortSignal | undefined): Promise<readonly string[]> => {
  const checksums = await readChecksums(folder);
  if (checksums === null || !checksums.has(CARD_FILE) || !checksums.has(PLAN_FILE))
    throw refuse(
      'not-verified',
      `${folder} is not a verified export: it lacks ${CHECKSUM_FILE}, ${CARD_FILE} or ${PLAN_FILE}.`,
      'Make it with "uncurl export", which verifies what it writes.',
    );
  for (const [name, checksum] of checksums)
    if ((await fileChecksum(path.join(folder, name), signal)) !== checksum)
      throw refuse(
        'not-verified',
        `${path.join(folder, name)} has changed since the export was verified.`,
        'Export again, so that what is published is what was measured.',
      );
  return [...checksums.keys()].sort();
};

const validation = z.object({ errors: z.array(z.object({ message: z.string() })).default([]) });

/** Asks the Hub whether it takes a card; refuses before anything is sent. */
const requireValidCard = async (client: HubClient, card: string, signal: AbortSignal | undefined): Promise<void> => {
  const response = await client.request(`${client.endpoint}/api/validate-yaml`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ content: card, repoType: 'model' }),
    accepted: [400],
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.ok) return;
  const { errors } = validation.catch({ errors: [] }).parse(await response.json());
  throw refuse(
    'card-refused',
    `The Hub does not take the card: ${errors.map(({ message }) => message).join(' ') || 'it does not say why'}.`,
    `Change the lines between "---" in ${CARD_FILE} of the model that was exported, and export again.`,
  );
};

/** Makes the repository, or refuses one that has files; the names of those that it has. */
const requireRepository = async (
  client: HubClient,
  { repository, isPrivate, intoExisting }: UploadOrder,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const found = await readRepository(client, repository, 'main').catch((error: unknown) => {
    if (error instanceof WorkbenchError && error.code === 'hub-no-repository') return null;
    throw error;
  });
  if (found === null) {
    const [organization, name] = repository.split('/');
    await client.request(`${client.endpoint}/api/repos/create`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, organization, type: 'model', private: isPrivate }),
      ...(signal === undefined ? {} : { signal }),
    });
    return;
  }
  if (isPrivate && !found.isPrivate)
    throw refuse('repository-public', `${repository} exists, and is public.`, 'Name another one, or omit --private.');
  const files = found.files.filter(({ path: file }) => !OWN_FILES.has(file));
  if (files.length === 0 || intoExisting) return;
  throw refuse(
    'repository-has-files',
    `${repository} has ${String(files.length)} files already.`,
    'Name another repository, or give --into-existing to add to it and to replace files of the same names.',
  );
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
 * @throws WorkbenchError `not-verified`, `card-without-numbers`, `card-refused`, `repository-has-files`; the client's.
 */
export const uploadExport = async (
  client: HubClient,
  order: UploadOrder,
  { signal, onProgress }: UploadControl = {},
): Promise<{ readonly url: string; readonly commit: string }> => {
  const { folder, repository, withoutNumbers } = order;
  const names = await verifiedFiles(folder, signal);
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
  await requireRepository(client, order, signal);
  const files = await Promise.all(
    [...names, CHECKSUM_FILE].map(async (name) => ({ name, content: await openAsBlob(path.join(folder, name)) })),
  );
  const total = files.reduce((sum, { content }) => sum + content.size, 0);
  let sent = 0;
  const report = (bytes: number): void => {
    sent += bytes;
    onProgress?.(Math.min(sent, total), total, `Uploading to ${repository}`);
  };
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
