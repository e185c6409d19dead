import path from 'node:path';
import { z } from 'zod';
import { boundedRecord, boundedText, MOST_TENSORS, shortName } from '../contract/bounds.ts';
import { describeModel } from '../checkpoint/describe-model.ts';
import type { TensorView } from '../checkpoint/descriptor.ts';
import { toFloat32 } from '../checkpoint/read-tensor.ts';
import { openGgufParts } from '../checkpoint/gguf/open-gguf.ts';
import { readGgufFrom } from '../checkpoint/gguf/read-gguf.ts';
import { besideModel, modelInfo, unusedBytes, weightTypes } from '../checkpoint/model-info.ts';
import { familyOfConfig, INDEX_FILE, MAX_CONFIG_BYTES, SINGLE_FILE } from '../checkpoint/open-checkpoint.ts';
import { readHeaderFrom } from '../checkpoint/safetensors-header.ts';
import { refuse } from '../contract/errors.ts';
import { hubNameText, type HubName } from '../contract/hub.ts';
import type { ModelInfo } from '../contract/model.ts';
import { parsePythonJson } from '../files/parse-json.ts';
import type { HubClient } from './hub-client.ts';
import { ggufModelsAmong, ggufParts } from './hub-cache.ts';
import { remoteBytes } from './remote-file.ts';
import { readRepository, type Repository, type RepositoryFile } from './repository.ts';

/** Files beside the weights that a model needs here, and those that say who made it and under which licence. */
const SIDE_FILES: ReadonlySet<string> = new Set([
  'config.json',
  'generation_config.json',
  INDEX_FILE,
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.json',
  'chat_template.jinja',
  'README.md',
]);
const LICENCE = /^(?:licen[cs]e|notice|copying|use_policy)(?:\.(?:md|txt))?$/i;

const MAX_INDEX_BYTES = 32 * 2 ** 20;
/** Headers read at a time. */
const CONCURRENCY = 6;

/** A model on the Hub: its commit, and the files of it that are needed here. */
export interface PublishedModel {
  readonly name: HubName;
  readonly repository: Repository;
  /** Small files first, then the weights in the order of their names: nothing else is downloaded. */
  readonly needed: readonly RepositoryFile[];
  readonly weights: readonly RepositoryFile[];
  /** The GGUF file (its first part); null: safetensors. */
  readonly gguf: string | null;
}

const index = z.object({
  weight_map: boundedRecord(
    boundedText,
    shortName.regex(/^(?!\.{1,2}$)[^/\\\0]+\.safetensors$/, 'a file of this repository'),
    MOST_TENSORS,
  ),
});

const foundIn = ({ files, id }: Repository, file: string, why: string): RepositoryFile => {
  const found = files.find(({ path: each }) => each === file);
  if (found !== undefined) return found;
  throw refuse('hub-no-file', `${id} has no ${file}${why}.`, 'Choose another revision or another model.');
};

/** Reads a small file whole. */
const readSmall = async (
  client: HubClient,
  { id, commit }: Repository,
  file: RepositoryFile,
  mostBytes: number,
  signal?: AbortSignal,
): Promise<Buffer> => {
  if (file.sizeBytes > mostBytes)
    throw refuse(
      'file-too-large',
      `${file.path} of ${id} has ${file.sizeBytes} bytes: too large for its kind (limit ${mostBytes}).`,
      'Choose another model.',
    );
  return (await remoteBytes(client, { repository: id, commit, file }, signal))(0, file.sizeBytes);
};

const parsed = <T>(bytes: Buffer, schema: z.ZodType<T>, label: string): T => {
  let json: unknown;
  try {
    json = parsePythonJson(bytes.toString('utf8'));
  } catch (cause) {
    throw refuse('bad-json', `${label} is not JSON.`, 'Choose another revision or another model.', cause);
  }
  const found = schema.safeParse(json);
  if (found.success) return found.data;
  throw refuse('bad-json', `${label}: ${z.prettifyError(found.error)}`, 'Choose another revision or another model.');
};

const MOST_NAMED = 8;

/**
 * Finds out which files of a repository are its model, from the listing and the index. `commit`: instead of the newest
 * one of its revision.
 *
 * @throws WorkbenchError `no-weights`, `several-models`, `hub-no-file`, `bad-json`; those of the client.
 */
export const findPublished = async (
  client: HubClient,
  name: HubName,
  { commit, signal }: { readonly commit?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<PublishedModel> => {
  const repository = await readRepository(client, name.repository, commit ?? name.revision ?? 'main');
  const { files } = repository;
  const has = (file: string): boolean => files.some(({ path: each }) => each === file);
  const beside = files
    .filter(({ path: file }) => SIDE_FILES.has(file) || LICENCE.test(file))
    .sort((left, right) => left.sizeBytes - right.sizeBytes);
  const ofGguf = (file: string): PublishedModel => {
    const weights = ggufParts(file).map((part) => foundIn(repository, part, ', a part of the model'));
    const cards = beside.filter(({ path: each }) => each === 'README.md' || LICENCE.test(each));
    return { name, repository, needed: [...cards, ...weights], weights, gguf: ggufParts(file)[0] ?? file };
  };
  if (name.file !== null) return ofGguf(name.file);
  const ofWeights = (weights: readonly RepositoryFile[]): PublishedModel => ({
    name,
    repository,
    needed: [...beside.filter(({ path: each }) => each !== INDEX_FILE || !has(SINGLE_FILE)), ...weights],
    weights,
    gguf: null,
  });
  if (has(SINGLE_FILE)) return ofWeights([foundIn(repository, SINGLE_FILE, '')]);
  if (has(INDEX_FILE)) {
    const bytes = await readSmall(client, repository, foundIn(repository, INDEX_FILE, ''), MAX_INDEX_BYTES, signal);
    const { weight_map: map } = parsed(bytes, index, `${INDEX_FILE} of ${repository.id}`);
    const shards = [...new Set(Object.values(map))].sort();
    return ofWeights(shards.map((shard) => foundIn(repository, shard, `, which ${INDEX_FILE} names`)));
  }
  const models = ggufModelsAmong(files.map(({ path: file }) => file));
  const [only, another] = models;
  if (only === undefined) {
    const pickled = files.some(({ path: file }) => /\.(?:bin|pt|pth|ckpt)$/.test(file));
    throw refuse(
      'no-weights',
      `${repository.id} has neither ${SINGLE_FILE} nor ${INDEX_FILE} nor a GGUF file.`,
      pickled
        ? 'Its weights are pickle files, which are never opened or downloaded: choose a revision in safetensors.'
        : 'Choose another model.',
    );
  }
  if (another === undefined) return ofGguf(only);
  throw refuse(
    'several-models',
    `${repository.id} has ${models.length} GGUF models: ${models.slice(0, MOST_NAMED).join(', ')}` +
      `${models.length > MOST_NAMED ? ', …' : ''}.`,
    `Name one: ${hubNameText({ ...name, file: only })}.`,
  );
};

const inParallel = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> => {
  const made: R[] = [];
  for (let start = 0; start < items.length; start += CONCURRENCY)
    for (const each of await Promise.all(items.slice(start, start + CONCURRENCY).map(work))) made.push(each);
  return made;
};

/**
 * Facts about a model on the Hub, from its config and the headers of its weights alone: a few kilobytes of each file.
 *
 * @throws WorkbenchError as `openCheckpoint` for a folder with the same files.
 */
export const readPublishedInfo = async (
  client: HubClient,
  { repository, weights, gguf }: PublishedModel,
  signal?: AbortSignal,
): Promise<ModelInfo> => {
  const { id, commit } = repository;
  const bytesOf = (file: RepositoryFile) => remoteBytes(client, { repository: id, commit, file }, signal);
  const sizeBytes = weights.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (gguf !== null) {
    const files = new Map(weights.map((file) => [path.basename(file.path), file]));
    const fileNamed = (name: string): RepositoryFile => files.get(name) ?? foundIn(repository, name, '');
    const { family, config, tensors } = await openGgufParts(
      gguf,
      async (name) => {
        const file = fileNamed(name);
        return { name, file: name, contents: await readGgufFrom(name, file.sizeBytes, await bytesOf(file)) };
      },
      async ({ file, byteOffset, byteLength, dtype, tensor }) => {
        const read = await bytesOf(fileNamed(file));
        return toFloat32(new Uint8Array(await read(byteOffset, byteLength)), dtype, tensor);
      },
    );
    const descriptor = describeModel(family, config, tensors, id, 'metadata');
    return {
      ...modelInfo(descriptor, sizeBytes, besideModel(descriptor)),
      weightTypes: weightTypes(tensors),
      isGguf: true,
    };
  }
  const configBytes = await readSmall(
    client,
    repository,
    foundIn(repository, 'config.json', ''),
    MAX_CONFIG_BYTES,
    signal,
  );
  const config = parsed(configBytes, boundedRecord(boundedText, z.unknown()), `config.json of ${id}`);
  const family = familyOfConfig(config, id);
  const headers = await inParallel(weights, async (file) =>
    readHeaderFrom(`${id}/${file.path}`, file.sizeBytes, await bytesOf(file)),
  );
  const tensors = new Map<string, TensorView>(headers.flatMap((header) => [...header.tensors]));
  const descriptor = describeModel(family, config, tensors, id);
  const hasTokenizer = repository.files.some(({ path: file }) => file === 'tokenizer.json');
  return {
    ...modelInfo(descriptor, sizeBytes, [
      ...(hasTokenizer ? [] : ['No tokenizer.json: info, forward, export and verify work; tasks need a tokenizer.']),
      ...besideModel(descriptor),
    ]),
    ...unusedBytes(descriptor, tensors),
    weightTypes: weightTypes(tensors),
  };
};
