import { createHash } from 'node:crypto';
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isFile, isFolder } from '../files/file-errors.ts';
import { z } from 'zod';
import { boundedRecord, boundedText, MOST_SHARDS, MOST_TENSORS, shortName } from '../contract/bounds.ts';
import { at, fail, refuse, WorkbenchError } from '../contract/errors.ts';
import type { Published } from '../contract/hub.ts';
import type { ModelInfo } from '../contract/model.ts';
import { describeModel } from './describe-model.ts';
import type { ModelDescriptor, TensorView } from './descriptor.ts';
import { families, familyOf, refusedFamilies } from './families/families.ts';
import type { Family } from './families/family.ts';
import { ggufTokenizer } from './gguf/gguf-tokenizer.ts';
import { openGguf } from './gguf/open-gguf.ts';
import { isGgufPath } from '../files/list-folder.ts';
import { parseModelJson, parsePythonJson } from '../files/parse-json.ts';
import { explainingReads, readTextIfThere } from '../files/regular-file.ts';
import { type ContentOrder, HASHED_AT_OPENING_BYTES, ModelContent } from './model-content.ts';
import { besideModel, modelInfo, unusedBytes, weightTypes } from './model-info.ts';
import { changedSources, type ModelSources, stampModel } from './model-sources.ts';
import { modelName, modelPathOf, publishedAs } from './published.ts';
import { readSafetensorsHeader, type SafetensorsHeader } from './safetensors-header.ts';
import { chatTemplateFile } from '../tasks/chat/chat-template.ts';

/** An opened model folder or GGUF file: headers are read, weights stay on disk. */
export interface Checkpoint {
  /** Its path: a folder, or a GGUF file (the first of a split one or any other). */
  readonly folder: string;
  /** Its folder's or file's name; `org/name` in a Hugging Face cache. */
  readonly name: string;
  /** Its repository and commit, where it lies in a Hugging Face cache. */
  readonly published: Published | null;
  readonly config: Readonly<Record<string, unknown>>;
  readonly descriptor: ModelDescriptor;
  /** Every tensor on disk by name, whole. */
  readonly tensors: ReadonlyMap<string, TensorView>;
  /** Weight files in the order of their names in the folder; `file` is the real path (a cache links to it). */
  readonly weightFiles: readonly { readonly name: string; readonly file: string }[];
  readonly info: ModelInfo;
  /** Hashes of its files. A model larger than 64 MiB is hashed when something awaits `content.identify`. */
  readonly content: ModelContent;
  /** See ModelHashes. @throws Error before it is identified: code that may run earlier reads `content.known`. */
  readonly fingerprint: string;
  /** Key of this model's results. @throws Error before it is identified. */
  readonly identity: string;
  /** The files that its numbers depend on, in their state when it was opened. */
  readonly sources: ModelSources;
}

/** Facts about a model's chat template; an unreadable one is only a note. */
const chatFacts = async (
  folder: string,
): Promise<{ readonly file: string | null; readonly notes: readonly string[] }> => {
  try {
    return { file: await chatTemplateFile(folder), notes: [] };
  } catch (error) {
    if (error instanceof WorkbenchError)
      return { file: null, notes: [`Its chat template cannot be read: ${error.message}`] };
    throw error;
  }
};

/** Configs have a few kB; those that list every quantised module some hundred. */
export const MAX_CONFIG_BYTES = 4 * 2 ** 20;
/** Limit for an index: that of 90,000 tensors has 9 MB. */
const MAX_INDEX_BYTES = 32 * 2 ** 20;

export const SINGLE_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';
const indexSchema = z.object({
  metadata: z.looseObject({ total_size: z.number().positive().optional() }).nullish(),
  weight_map: boundedRecord(
    boundedText,
    shortName.regex(/^(?!\.{1,2}$)[^/\\\0]+$/, 'a file name without folders'),
    MOST_TENSORS,
  ),
});

/**
 * Opens a Hugging Face model folder, a folder of its cache (`models--org--name`), or a GGUF file, in place. Refuses
 * what it cannot prove, naming file, tensor or key.
 */
export const openCheckpoint = (folder: string): Promise<Checkpoint> => {
  const given = path.resolve(folder);
  return explainingReads(given, async () => {
    const resolved = await modelPathOf(given);
    return isGgufPath(resolved) ? openGgufFile(resolved) : openFolder(resolved);
  });
};

/** "Its weights are in DIR/model.gguf: ..."; null where a folder contains no GGUF file. */
export const ggufInside = async (folder: string): Promise<string | null> => {
  const [file] = (await readdir(folder)).filter((name) => isGgufPath(name)).sort();
  return file === undefined ? null : `Its weights are in ${path.join(folder, file)}: name that file.`;
};

const openFolder = async (folder: string): Promise<Checkpoint> => {
  if (!(await isFolder(folder)))
    throw refuse('no-model', `${folder} is not a folder.`, 'Choose a folder with config.json and *.safetensors.');
  const config = await readConfig(folder);
  const family = familyOfConfig(config, folder);
  const weights = await readHeaders(folder);
  return openModel({
    folder,
    family,
    config,
    weightFiles: weights.map(({ name, file }) => ({ name, file })),
    stored: tensorsOf(weights),
    sizeBytes: weights.reduce((total, { header }) => total + header.sizeBytes, 0),
    labels: {
      config: configText(config),
      before: new Map(weights.map(({ name, header }) => [name, header.text])),
    },
    factsOf: async (descriptor, tensors) => {
      const chat = await chatFacts(folder);
      const hasTokenizer = await isFile(path.join(folder, 'tokenizer.json'));
      const withoutTokenizer = 'No tokenizer.json: info, forward, export and verify work; tasks need a tokenizer.';
      return {
        ...unusedBytes(descriptor, tensors),
        chatTemplate: chat.file ?? undefined,
        reasons: [...(hasTokenizer ? [] : [withoutTokenizer]), ...besideModel(descriptor), ...chat.notes],
      };
    },
    changed: async () =>
      isDeepStrictEqual(await readConfig(folder), config) ? undefined : 'config.json was written to',
  });
};

/**
 * A GGUF file under the same terms: its config is made of its metadata, its tensors have their names in the file, and
 * its identity counts its tokenizer, which is in its header.
 */
const openGgufFile = async (file: string): Promise<Checkpoint> => {
  if (await isFolder(file))
    throw refuse(
      'no-model',
      `${file} is a folder, not a GGUF file.`,
      (await ggufInside(file)) ?? 'Name a GGUF file, or a folder without this ending.',
    );
  const { family, config, parts, tensors: stored } = await openGguf(file);
  const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  return openModel({
    folder: file,
    family,
    config,
    from: 'metadata',
    weightFiles: parts.map((part) => ({ name: part.name, file: part.file })),
    stored,
    sizeBytes: parts.reduce((total, { contents }) => total + contents.sizeBytes, 0),
    labels: {
      config: configText({}),
      before: new Map(parts.map(({ name, contents: { headerBytes } }) => [name, hashOf(headerBytes)])),
    },
    listedAs: (name) => `model${/-\d{5}-of-\d{5}\.gguf$/i.exec(name)?.[0] ?? '.gguf'}`,
    factsOf: (descriptor) => {
      const tokenizer = ggufTokenizer(at(parts, 0, 'a model without parts').contents);
      const withoutTokenizer =
        typeof tokenizer === 'string'
          ? [`No tokenizer is read (${tokenizer}): info, forward, export and verify work; tasks need one.`]
          : [];
      return { isGguf: true, reasons: [...besideModel(descriptor), ...withoutTokenizer] };
    },
  });
};

type Facts = Partial<ModelInfo> & Pick<ModelInfo, 'reasons'>;

/** What a folder and a GGUF file have of their own. */
interface OpenedFiles
  extends Pick<Checkpoint, 'folder' | 'config' | 'weightFiles'>, Pick<ContentOrder, 'labels' | 'listedAs'> {
  readonly family: Family;
  readonly from?: 'metadata';
  readonly stored: ReadonlyMap<string, TensorView>;
  readonly sizeBytes: number;
  readonly factsOf: (descriptor: ModelDescriptor, tensors: Checkpoint['tensors']) => Facts | Promise<Facts>;
  /** What was changed since, beside the files that numbers depend on. */
  readonly changed?: () => Promise<string | undefined>;
}

const openModel = async (files: OpenedFiles): Promise<Checkpoint> => {
  const { folder, family, config, from, weightFiles, stored, sizeBytes, labels, listedAs, factsOf, changed } = files;
  const weights = weightFiles.map(({ name }) => name);
  const sources = await stampModel(folder, weights);
  const content = new ModelContent({ folder, sources, weights, labels, listedAs });
  const tensors = withContent(stored, content);
  const descriptor = describeModel(family, config, tensors, folder, from);
  const { reasons, ...facts } = await factsOf(descriptor, tensors);
  await recallOrHash(content, sizeBytes);
  const change = (await changed?.()) ?? (await changedSources(folder, sources))[0];
  if (change !== undefined)
    throw refuse(
      'changed-while-opened',
      `${folder} was changed while it was opened: ${change}.`,
      'Open it again once nothing writes to it.',
    );
  const published = await publishedAs(folder);
  return {
    folder,
    name: modelName(folder, published),
    published,
    config,
    descriptor,
    tensors,
    weightFiles,
    info: { ...modelInfo(descriptor, sizeBytes, reasons), weightTypes: weightTypes(tensors), ...facts },
    content,
    get fingerprint() {
      return content.required.fingerprint;
    },
    get identity() {
      return content.required.identity;
    },
    sources,
  };
};

const configSchema = boundedRecord(boundedText, z.unknown());

export const readConfig = (folder: string): Promise<Readonly<Record<string, unknown>>> =>
  readJson(path.join(folder, 'config.json'), configSchema, MAX_CONFIG_BYTES);

/** The family that a config names; refuses any other, with the reason where it is known. */
export const familyOfConfig = (config: Readonly<Record<string, unknown>>, folder: string): Family => {
  const modelType = config['model_type'];
  const family = typeof modelType === 'string' ? familyOf(modelType) : undefined;
  const { unless } = family ?? {};
  const other = unless !== undefined && config[unless.key] === unless.value ? familyOf(unless.modelType) : undefined;
  if (family !== undefined) return other ?? family;
  const known = families.map((each) => each.modelType).join(', ');
  const reason = typeof modelType === 'string' ? refusedFamilies.get(modelType) : undefined;
  throw refuse(
    'unknown-model-type',
    `${folder}/config.json: model_type ` +
      `${modelType === undefined ? '(missing)' : JSON.stringify(modelType)} is not ` +
      `supported${reason === undefined ? '' : `: ${reason}`} (supported: ${known}).`,
    'Choose a checkpoint of a supported family.',
  );
};

/** The index of a folder's weight files; null if it has none. */
export const readIndex = async (folder: string): Promise<z.infer<typeof indexSchema> | null> => {
  const file = path.join(folder, INDEX_FILE);
  if (!(await isFile(file))) return null;
  const index = await readJson(file, indexSchema, MAX_INDEX_BYTES);
  const shards = new Set(Object.values(index.weight_map)).size;
  if (shards <= MOST_SHARDS) return index;
  throw refuse(
    'too-many-shards',
    `${file} names ${shards} weight files; a model has at most ${MOST_SHARDS}.`,
    "Fetch the file again from the model's source.",
  );
};

/** Whether a model folder has none of the weight files that it names. */
export const lacksWeights = async (folder: string): Promise<boolean> => {
  if (isGgufPath(folder)) return false;
  if (await isFile(path.join(folder, SINGLE_FILE))) return false;
  const index = await readIndex(folder);
  for (const name of new Set(Object.values(index?.weight_map ?? {})))
    if (await isFile(path.join(folder, name))) return false;
  return true;
};

const readJson = async <T>(file: string, schema: z.ZodType<T>, mostBytes: number): Promise<T> => {
  const text = await readTextIfThere(file, { mostBytes });
  if (text === null)
    throw refuse(
      'no-model',
      `${path.dirname(file)} contains no ${path.basename(file)}: it is not a model folder.`,
      'Choose a folder with config.json and *.safetensors.',
    );
  const parsed = schema.safeParse(parseModelJson(file, text, parsePythonJson));
  if (!parsed.success)
    throw refuse(
      'bad-json',
      `${file}: ${z.prettifyError(parsed.error)}`,
      "Fetch the file again from the model's source.",
    );
  return parsed.data;
};

interface WeightFile {
  readonly name: string;
  readonly file: string;
  readonly header: SafetensorsHeader;
}

/** Headers of all weight files in the order of their names; follows the symbolic links of a Hugging Face cache. */
const readHeaders = async (folder: string): Promise<readonly WeightFile[]> => {
  const single = path.join(folder, SINGLE_FILE);
  if (await isFile(single)) {
    const file = await realpath(single);
    return [{ name: SINGLE_FILE, file, header: await readSafetensorsHeader(file) }];
  }
  const index = await readIndex(folder);
  if (index === null) {
    throw refuse(
      'no-weights',
      `${folder} contains neither ${SINGLE_FILE} nor ${INDEX_FILE}.`,
      (await ggufInside(folder)) ?? 'Choose a checkpoint in safetensors format (pickle files are never opened).',
    );
  }
  const { weight_map: weightMap } = index;
  const shards = new Map<string, WeightFile>();
  for (const name of [...new Set(Object.values(weightMap))].sort()) {
    const link = path.join(folder, name);
    if (!(await isFile(link)))
      throw refuse(
        'missing-shard',
        `${folder}: shard ${name}, named by ${INDEX_FILE}, is missing.`,
        `Fetch ${name} from the model's source.`,
      );
    const file = await realpath(link);
    shards.set(name, { name, file, header: await readSafetensorsHeader(file) });
  }
  for (const [tensor, shard] of Object.entries(weightMap)) {
    if (shards.get(shard)?.header.tensors.has(tensor) !== true) {
      throw refuse(
        'missing-tensor',
        `${folder}: tensor "${tensor}" is not in ${shard}, where ${INDEX_FILE} places it.`,
        `Fetch ${shard} from the model's source.`,
      );
    }
  }
  return [...shards.values()];
};

/** All tensors by name. Refuses one in two shards, since either could be meant. */
const tensorsOf = (weights: readonly WeightFile[]): ReadonlyMap<string, TensorView> => {
  const tensors = new Map<string, TensorView>();
  for (const { name: shard, header } of weights) {
    for (const [tensor, view] of header.tensors) {
      const other = tensors.get(tensor);
      if (other !== undefined) {
        throw refuse(
          'duplicate-tensor',
          `${view.file}: tensor "${tensor}" is also in ${path.basename(other.file)}.`,
          `Fetch ${shard} and ${INDEX_FILE} again from the model's source.`,
        );
      }
      tensors.set(tensor, view);
    }
  }
  return tensors;
};

/** The text of a configuration in the fingerprint of earlier versions. */
const configText = (config: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));

/**
 * Recalls the hashes of a model, else hashes one of up to 64 MiB, which takes a moment; a larger one that was never
 * hashed stays unidentified until something that needs its identity awaits it.
 */
const recallOrHash = async (content: ModelContent, sizeBytes: number): Promise<void> => {
  await content.recall();
  if (sizeBytes > HASHED_AT_OPENING_BYTES) return;
  try {
    await content.identify();
  } catch (error) {
    if (!(error instanceof WorkbenchError && error.code === 'model-changed')) throw error;
    throw refuse('changed-while-opened', error.message, error.remedy, error);
  }
};

/** The tensors with the content of their files, against which their readers compare what they read. */
const withContent = (
  tensors: ReadonlyMap<string, TensorView>,
  content: ModelContent,
): ReadonlyMap<string, TensorView> =>
  new Map([...tensors].map(([name, view]) => [name, { ...view, content: content.fileAt(view.file) }]));

/**
 * Refuses results from files that changed meanwhile, which may be a mixture of two models. `made`: what was done with
 * the model; `left`: what becomes of the result, as a sentence.
 *
 * @throws WorkbenchError `model-changed` if its files are no longer those that were opened.
 */
export const requireSameSources = async (
  { name, folder, sources }: Pick<Checkpoint, 'name' | 'folder' | 'sources'>,
  { made, left, remedy }: { readonly made: string; readonly left: string; readonly remedy: string },
): Promise<void> => {
  const changes = await changedSources(folder, sources);
  if (changes.length === 0) return;
  throw fail(
    'model-changed',
    `${name} changed while it was ${made}: ${changes.join('; ')} (in ${folder}). ${left}`,
    remedy,
  );
};
