import { stat } from 'node:fs/promises';
import path from 'node:path';
import { at, present } from '../../contract/errors.ts';
import { describeModel } from '../../checkpoint/describe-model.ts';
import type { ModelDescriptor, TensorView } from '../../checkpoint/descriptor.ts';
import { ggufTypes } from '../../checkpoint/gguf/gguf-types.ts';
import { type GgufContents, readGguf } from '../../checkpoint/gguf/read-gguf.ts';
import { familyOf } from '../../checkpoint/families/families.ts';
import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import { readTensorBytes } from '../../checkpoint/read-tensor.ts';
import { type GgufType, ggufTypes as exportTypes } from '../../contract/export.ts';
import { expertTypesOf, type Plan } from '../../contract/plan.ts';
import { configOf, exportedConfig } from '../export-config.ts';
import type { ExportedTensor } from '../exported-tensors.ts';
import { writeTensors } from '../write-weights.ts';
import { architectureWarnings, llamaArchitecture } from './architectures.ts';
import { encodeHeader, type GgufMetadata, metadataEntry, type TensorInfo } from './gguf-header.ts';
import { type GgufTensor, modelTensors } from './model-tensors.ts';
import { ggufBytes, readPieces, type ReadView, virtualViews } from './tensor-values.ts';
import { ggufTokenizer } from './tokenizer-metadata.ts';
import { modelKeys } from '../../checkpoint/gguf/gguf-keys.ts';
import type { GgufValue } from '../../checkpoint/gguf/gguf-metadata.ts';
import { whole } from '../../checkpoint/gguf/key-table.ts';
import type { LlamaArchitecture } from '../../checkpoint/gguf/llama-architectures.ts';

/** The one file of a GGUF export that llama.cpp loads. */
export const GGUF_FILE = 'model.gguf';

/** Layout of a GGUF file of a pruned model, before it is written. */
export interface GgufPlan {
  readonly type: GgufType;
  readonly metadata: GgufMetadata;
  readonly tensors: readonly GgufTensor[];
  readonly read: ReadView;
  /** Position of each tensor; the header precedes the first one. */
  readonly infos: readonly TensorInfo[];
  readonly header: Uint8Array;
  readonly sizeBytes: number;
  /** Warnings for users, one sentence each. */
  readonly warnings: readonly string[];
}

/** GGUF types that store a checkpoint's dtypes without loss. */
const lossless: Readonly<Record<string, GgufType>> = { F16: 'f16', BF16: 'bf16' };

/** The type that keeps the weights as stored. */
export const storedType = ({ descriptor }: Checkpoint): GgufType => lossless[descriptor.embedding.dtype] ?? 'f32';

/** The model of an export, from its tensors and its config text. */
export const exportedModel = (
  source: Checkpoint,
  configText: string,
  tensors: readonly ExportedTensor[],
): { readonly model: ModelDescriptor; readonly config: Readonly<Record<string, unknown>> } => {
  const family = present(familyOf(source.descriptor.family), `no family ${source.descriptor.family}`);
  const config = configOf(configText);
  return { model: describeModel(family, config, virtualViews(tensors), source.folder, 'metadata'), config };
};

/**
 * Lays out the GGUF file of a pruned model from the tensors of its export.
 *
 * @throws WorkbenchError `not-for-llama-cpp` if llama.cpp would not compute the same as the model.
 */
export const planGguf = async (
  source: Checkpoint,
  plan: Plan,
  tensors: readonly ExportedTensor[],
  type: GgufType,
): Promise<GgufPlan> => {
  const { model, config } = exportedModel(source, await exportedConfig(source, plan), tensors);
  const expertTypes = expertTypesOf(plan);
  const architecture = llamaArchitecture(model, config);
  const tokenizer = await ggufTokenizer(source.folder, model.vocabulary);
  const metadata = new Map([...modelMetadata(model, config, architecture, type, source.name), ...tokenizer.metadata]);
  const written = modelTensors(model, config, architecture, type, expertTypes);
  const { bytes, tensors: infos } = encodeHeader(metadata, written);
  const last = infos.at(-1);
  return {
    type,
    metadata,
    tensors: written,
    read: readPieces(tensors),
    infos,
    header: bytes,
    sizeBytes: last === undefined ? bytes.length : last.byteOffset + last.byteLength,
    warnings: [
      ...tokenizer.warnings,
      ...architectureWarnings(model, architecture),
      ...typeWarnings([type, ...(expertTypes ?? [])], written),
    ],
  };
};

const typeWarnings = (wanted: readonly GgufType[], tensors: readonly GgufTensor[]): readonly string[] => {
  const [type = 'f32'] = wanted;
  const wider = tensors.filter((tensor) => tensor.type !== 'f32' && !wanted.some((entry) => entry === tensor.type));
  const types = [...new Set(wider.map((tensor) => (tensor.type === 'f16' ? 'float16' : tensor.type)))];
  return wider.length === 0
    ? []
    : [
        `${String(wider.length)} tensors (${wider[0]?.name ?? ''} and others of its shape) are ` +
          `${types.join(' and ')}: their rows are not whole blocks of ${String(ggufTypes[type].values)} values, ` +
          `which ${type} requires.`,
      ];
};

/** Writes the file as `writeTensors` does. */
export const writeGguf = (
  { header, tensors, infos, read }: GgufPlan,
  folder: string,
  onBytes: (bytes: number) => void,
): Promise<string> => {
  const placed = tensors.map((tensor, index) => ({ ...at(infos, index), bytes: () => ggufBytes(tensor, read) }));
  return writeTensors(path.join(folder, GGUF_FILE), header, placed, onBytes);
};

/** Type of a GGUF file's weights according to its metadata; null: not a type of our exports. */
export const readGgufType = async (folder: string): Promise<GgufType | null> =>
  fileType((await readGguf(path.join(folder, GGUF_FILE))).metadata.get('general.file_type')?.value);

/**
 * Differences between a reopened file and the plan's layout: metadata, names, types, shapes and positions of tensors,
 * and every byte of their values.
 */
export const ggufProblems = async (
  plan: GgufPlan,
  folder: string,
  onBytes: (bytes: number) => void,
): Promise<readonly string[]> => {
  const file = path.join(folder, GGUF_FILE);
  const { metadata, tensors, headerBytes } = await readGguf(file);
  const problems = metadataProblems(plan.metadata, metadata);
  const { size } = await stat(file);
  if (size !== plan.sizeBytes)
    problems.push(`${GGUF_FILE} has ${String(size)} bytes instead of ${String(plan.sizeBytes)}.`);
  const found = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const names = new Set(plan.tensors.map(({ name }) => name));
  for (const { name } of tensors)
    if (!names.has(name)) problems.push(`tensor "${name}" does not belong in the export.`);
  for (const tensor of plan.tensors) {
    const info = found.get(tensor.name);
    if (info === undefined) problems.push(`tensor "${tensor.name}" is missing.`);
    else if (info.type !== tensor.type || String(info.shape) !== String(tensor.shape))
      problems.push(
        `tensor "${tensor.name}" is ${info.type} [${info.shape.join(', ')}] instead of ${tensor.type} ` +
          `[${tensor.shape.join(', ')}].`,
      );
    else {
      const at = await firstDifference(tensor, info, file, plan.read, onBytes);
      if (at !== null)
        problems.push(
          `tensor "${tensor.name}" differs from what the plan makes of the source: byte ${String(at)} of ` +
            `${String(info.byteLength)} differs.`,
        );
    }
  }
  if (problems.length === 0 && !Buffer.from(plan.header).subarray(0, headerBytes.length).equals(headerBytes))
    problems.push(`${GGUF_FILE}: its header has the same keys and tensors, but other bytes.`);
  return problems;
};

const metadataProblems = (expected: GgufMetadata, found: GgufContents['metadata']): string[] =>
  [...new Set([...expected.keys(), ...found.keys()])].flatMap((key) => {
    const [wanted, is] = [expected.get(key), found.get(key)];
    if (wanted !== undefined && is !== undefined && metadataEntry(key, wanted).equals(is.bytes)) return [];
    const [isShown, wantedShown] = [is, wanted].map((value) =>
      (value === undefined ? 'missing' : JSON.stringify(value.value)).slice(0, 100),
    );
    return [`${GGUF_FILE}: "${key}" is ${isShown} instead of ${wantedShown}.`];
  });

const firstDifference = async (
  tensor: GgufTensor,
  { byteOffset }: Pick<TensorInfo, 'byteOffset'>,
  file: string,
  read: ReadView,
  onBytes: (bytes: number) => void,
): Promise<number | null> => {
  let done = 0;
  for await (const wanted of ggufBytes(tensor, read)) {
    const view: TensorView = {
      tensor: tensor.name,
      file,
      dtype: 'U8',
      shape: [wanted.length],
      byteOffset: byteOffset + done,
      byteLength: wanted.length,
    };
    const is = await readTensorBytes(view);
    if (Buffer.compare(is, wanted) !== 0) return done + is.findIndex((value, index) => value !== wanted[index]);
    done += wanted.length;
    onBytes(wanted.length);
  }
  return null;
};

/** `general.file_type` (llama.h, `enum llama_ftype`). */
const fileTypes: Readonly<Record<GgufType, number>> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q4_1: 3,
  q8_0: 7,
  q5_0: 8,
  q5_1: 9,
  q4_k: 14,
  q5_k: 16,
  q6_k: 18,
  bf16: 32,
  mxfp4: 38,
  nvfp4: 39,
};
const QUANTISATION_VERSION = 2;

const words = (value: string): GgufValue => ({ kind: 'string', value });

/** Type of a file's weights according to its metadata; null: not a type of our exports. */
const fileType = (value: unknown): GgufType | null => exportTypes.find((type) => value === fileTypes[type]) ?? null;

/** Metadata of a pruned model without its tokenizer. */
const modelMetadata = (
  model: ModelDescriptor,
  config: Readonly<Record<string, unknown>>,
  architecture: LlamaArchitecture,
  type: GgufType,
  name: string,
): readonly (readonly [string, GgufValue])[] => {
  return [
    ['general.architecture', words(architecture.name)],
    ['general.type', words('model')],
    ['general.name', words(name)],
    ['general.file_type', whole(fileTypes[type])],
    ['general.quantization_version', whole(QUANTISATION_VERSION)],
    ...modelKeys({ model, config, architecture }),
  ];
};
