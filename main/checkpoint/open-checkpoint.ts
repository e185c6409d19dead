import { access, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import type { ModelInfo } from '../contract/model.ts';
import { describeModel } from './describe-model.ts';
import type { ModelDescriptor, TensorView } from './descriptor.ts';
import { families, familyOf } from './families/families.ts';
import { fingerprintCheckpoint } from './fingerprint.ts';
import { modelInfo } from './model-info.ts';
import { readSafetensorsHeader, type SafetensorsHeader } from './safetensors-header.ts';

/** An opened model folder: headers read, nothing loaded, weights where they lie. */
export interface Checkpoint {
  readonly folder: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly descriptor: ModelDescriptor;
  /** Every tensor on disk by name, whole. */
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly info: ModelInfo;
  readonly fingerprint: string;
}

/** A config.json or index larger than this is no such file. */
const MAX_JSON_BYTES = 64 * 2 ** 20;

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+$/, 'a file name without folders')) });

/** Opens a Hugging Face model folder in place. Refuses what it cannot prove, naming file, tensor or key. */
export const openCheckpoint = async (folder: string): Promise<Checkpoint> => {
  const resolved = path.resolve(folder);
  const isFolder = await stat(resolved).then((stats) => stats.isDirectory(), () => false);
  if (!isFolder) throw refuse('no-model', `${resolved} is no folder.`, 'Choose a folder with config.json and *.safetensors.');
  const config = await readJson(path.join(resolved, 'config.json'), z.record(z.string(), z.unknown()));
  const modelType = config['model_type'];
  const family = typeof modelType === 'string' ? familyOf(modelType) : undefined;
  if (family === undefined) {
    const known = families.map((each) => each.modelType).join(', ');
    throw refuse('unknown-model-type', `${resolved}/config.json: model_type ${JSON.stringify(modelType) ?? '(missing)'} is not supported (supported: ${known}).`, 'Choose a checkpoint of a supported family.');
  }
  const files = await readHeaders(resolved);
  const tensors = new Map<string, TensorView>();
  for (const header of files.values()) for (const [name, view] of header.tensors) tensors.set(name, view);
  const descriptor = describeModel(family, config, tensors, resolved);
  const hasTokenizer = await exists(path.join(resolved, 'tokenizer.json'));
  const reasons = hasTokenizer ? [] : ['No tokenizer.json: info, forward, export and verify work; tasks need a tokenizer.'];
  const sizeBytes = [...files.values()].reduce((total, header) => total + header.sizeBytes, 0);
  return {
    folder: resolved,
    name: path.basename(resolved),
    config,
    descriptor,
    tensors,
    info: modelInfo(descriptor, sizeBytes, reasons),
    fingerprint: await fingerprintCheckpoint(config, files),
  };
};

const exists = (file: string): Promise<boolean> => access(file).then(() => true, () => false);

const readJson = async <T>(file: string, schema: z.ZodType<T>): Promise<T> => {
  const size = await stat(file).then((stats) => stats.size, (cause: unknown) => {
    throw refuse('no-model', `${path.dirname(file)} holds no ${path.basename(file)}: it is no model folder.`, 'Choose a folder with config.json and *.safetensors.', cause);
  });
  if (size > MAX_JSON_BYTES) throw refuse('no-model', `${file} has ${String(size)} bytes: too large to be what its name says.`, 'Choose another folder.');
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw refuse('bad-json', `${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}.`, 'Fetch the file again from the model\'s source.', cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw refuse('bad-json', `${file}: ${z.prettifyError(parsed.error)}`, 'Fetch the file again from the model\'s source.');
  return parsed.data;
};

/** Headers of all weight files by real path (symbolic links of a Hugging Face cache are followed). */
const readHeaders = async (folder: string): Promise<ReadonlyMap<string, SafetensorsHeader>> => {
  const single = path.join(folder, 'model.safetensors');
  if (await exists(single)) {
    const file = await realpath(single);
    return new Map([[file, await readSafetensorsHeader(file)]]);
  }
  const indexFile = path.join(folder, 'model.safetensors.index.json');
  if (!(await exists(indexFile))) {
    throw refuse('no-weights', `${folder} holds neither model.safetensors nor model.safetensors.index.json.`, 'Choose a checkpoint in safetensors format (pickle files are never opened).');
  }
  const { weight_map: weightMap } = await readJson(indexFile, indexSchema);
  const headers = new Map<string, SafetensorsHeader>();
  const fileOf = new Map<string, string>();
  for (const shard of new Set(Object.values(weightMap))) {
    const link = path.join(folder, shard);
    if (!(await exists(link))) throw refuse('missing-shard', `${folder}: shard ${shard}, named by model.safetensors.index.json, is missing.`, `Fetch ${shard} from the model's source.`);
    const file = await realpath(link);
    fileOf.set(shard, file);
    headers.set(file, await readSafetensorsHeader(file));
  }
  for (const [tensor, shard] of Object.entries(weightMap)) {
    if (headers.get(fileOf.get(shard) ?? '')?.tensors.has(tensor) !== true) {
      throw refuse('missing-tensor', `${folder}: tensor "${tensor}" is not in ${shard}, where model.safetensors.index.json places it.`, `Fetch ${shard} from the model's source.`);
    }
  }
  return headers;
};
