import path from 'node:path';
import { type GgufTensorType, isBlockType, tensorBytes as bytesOfType } from '../../checkpoint/gguf/gguf-types.ts';
import { isGgufPath } from '../../files/list-folder.ts';
import { type GgufContents, readGguf } from '../../checkpoint/gguf/read-gguf.ts';
import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import { contiguousPart, readTensor } from '../../checkpoint/read-tensor.ts';
import { at, present, refuse } from '../../contract/errors.ts';
import type { ExportFormat, GgufType } from '../../contract/export.ts';
import { isMergePlan, type Plan } from '../../contract/plan.ts';
import type { ExportedTensor, TensorPiece } from '../exported-tensors.ts';
import { chunkBuffer, tensorBytes, writeTensors } from '../write-weights.ts';
import { encodeValues } from './encode-values.ts';
import { GGUF_FILE } from './gguf-file.ts';
import { aligned, headerBytes, tensorEntry } from './gguf-header.ts';
import { inRows } from './tensor-values.ts';
import { fewTokensNote, readImportanceMatrix } from '../../pruning/expert-files/importance-matrix.ts';

/**
 * A GGUF file pruned as stored: experts and rows of routers are cut out, every kept expert has the bytes of the source,
 * and all metadata are copied but the number of experts. A split source becomes one file.
 */
export interface StoredGguf {
  readonly header: Uint8Array;
  readonly tensors: readonly {
    readonly tensor: ExportedTensor;
    /** Type as which its values are written again; null: its bytes are copied. */
    readonly again: GgufType | null;
    readonly byteOffset: number;
    readonly byteLength: number;
  }[];
  readonly sizeBytes: number;
}

/** Whether a model is a GGUF file, which is exported as stored. */
export const isStoredGguf = ({ folder }: Checkpoint): boolean => isGgufPath(folder);

/**
 * Refuses what a GGUF file cannot become: other formats and types, and plans with weights of their own.
 *
 * @throws WorkbenchError `gguf-as-stored`.
 */
export const requireAsStored = (
  { name, descriptor }: Checkpoint,
  plan: Plan,
  format: ExportFormat,
  type: GgufType | undefined,
): void => {
  const problem = (what: string, remedy: string): Error =>
    refuse('gguf-as-stored', `${name} is a GGUF file: ${what}.`, remedy);
  if (format !== 'gguf')
    throw problem(`it is exported as GGUF, not as ${format}`, 'Give --format gguf, without a type.');
  if (type !== undefined)
    throw problem(
      `it is exported as stored, not written again as ${type}`,
      "Leave out the type; llama.cpp's llama-quantize makes other types.",
    );
  if (isMergePlan(plan) || plan.recovery !== undefined || plan.constants !== undefined)
    throw problem(
      'its weights are copied as stored, but this plan merges, refits or replaces some',
      'Use a plan that only drops experts, or prune the model that the file was made of.',
    );
  for (const { moe } of descriptor.moeLayers)
    for (const view of [moe.router, moe.routerBias])
      if (view !== null && view.shape.length === 1 && isBlockType(view.dtype))
        throw problem(
          `tensor "${view.tensor}" is ${view.dtype}, whose blocks hold several experts and cannot be cut`,
          'Prune the model that the file was made of.',
        );
};

/**
 * Lays out the file of a pruned model. `tensors`: those of its export; `types`: of tensors that are written again in
 * another type (none in an export).
 */
export const planStoredGguf = async (
  { weightFiles }: Pick<Checkpoint, 'weightFiles'>,
  tensors: readonly ExportedTensor[],
  experts: number,
  types: ReadonlyMap<string, GgufType> = new Map(),
): Promise<StoredGguf> => {
  const parts: GgufContents[] = [];
  for (const { file } of weightFiles) parts.push(await readGguf(file));
  const first = at(parts, 0, 'a GGUF model without a file');
  const architecture = first.metadata.get('general.architecture')?.value;
  const countKey = `${String(architecture)}.expert_count`;
  const values = [...first.metadata].flatMap(([key, { bytes }]) =>
    key.startsWith('split.') ? [] : [key === countKey ? withNumber(key, bytes, experts) : bytes],
  );
  const infos = new Map(parts.flatMap((part) => part.tensors).map((info) => [info.name, info]));
  const { alignment } = first;
  let offset = 0;
  const placed = tensors.map((tensor) => {
    const { name, shape } = tensor;
    const info = present(infos.get(name), `the source has no tensor ${name}`);
    const wanted = types.get(name) ?? null;
    const again = wanted === info.type ? null : wanted;
    const type: GgufTensorType = again ?? info.type;
    const byteOffset = offset;
    const byteLength = again === null ? tensor.byteLength : bytesOfType(again, shape);
    offset = aligned(offset + byteLength, alignment);
    // Tensors that are read with another number of axes than they have are never cut.
    const stored = info.shape.length === shape.length ? shape : info.shape;
    const entry = tensorEntry({ name, type, shape: stored, byteOffset });
    return { tensor, again, byteOffset, byteLength, entry };
  });
  const entries = placed.map(({ entry }) => entry);
  const header = headerBytes(first.version, values, entries, alignment);
  const start = header.length;
  const last = placed.at(-1);
  return {
    header,
    tensors: placed.map(({ entry: _entry, ...tensor }) => ({ ...tensor, byteOffset: start + tensor.byteOffset })),
    sizeBytes: start + (last === undefined ? 0 : last.byteOffset + last.byteLength),
  };
};

/** Bytes of a whole number by its type (gguf.h, `enum gguf_type`): of 8, 16, 32 or 64 bits. */
const wholeBytes: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [10, 8],
  [11, 8],
]);

/** Key and value of a whole number as stored, with another value of the same type. */
const withNumber = (key: string, bytes: Uint8Array, value: number): Buffer => {
  const changed = Buffer.from(bytes);
  const at = 8 + Buffer.byteLength(key);
  const size = wholeBytes.get(changed.readUInt32LE(at));
  if (size === undefined)
    throw refuse('gguf-as-stored', `"${key}" is not a whole number.`, 'Fetch the file again from its source.');
  const little = Buffer.alloc(8);
  little.writeBigUInt64LE(BigInt(value));
  little.copy(changed, at + 4, 0, size);
  return changed;
};

/** Writes the file as `writeTensors` does. */
export const writeStoredGguf = (
  { header, tensors }: StoredGguf,
  file: string,
  onBytes: (bytes: number) => void,
): Promise<string> => {
  const buffer = chunkBuffer();
  const placed = tensors.map(({ tensor: { name, pieces }, again, ...place }) => ({
    ...place,
    name,
    bytes: () => (again === null ? tensorBytes(pieces, buffer) : retypedBytes(pieces, again)),
  }));
  return writeTensors(file, header, placed, onBytes);
};

async function* retypedBytes(
  pieces: readonly TensorPiece[],
  type: GgufType,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { view } of pieces) for (const rows of inRows(view)) yield encodeValues(type, await readTensor(rows));
}

/** Differences of a written file's header from the plan's: its metadata, and names, types, shapes and positions. */
export const storedHeaderProblems = async (stored: StoredGguf, folder: string): Promise<readonly string[]> => {
  const { headerBytes: found, sizeBytes } = await readGguf(path.join(folder, GGUF_FILE));
  return [
    ...(Buffer.from(stored.header).subarray(0, found.length).equals(found)
      ? []
      : [`${GGUF_FILE}: its header is not the source's with the plan's number of experts.`]),
    ...(sizeBytes === stored.sizeBytes
      ? []
      : [`${GGUF_FILE} has ${String(sizeBytes)} bytes instead of ${String(stored.sizeBytes)}.`]),
  ];
};

/** An importance matrix whose rows of experts are those that a plan keeps, in its order; all else as it was. */
export interface PrunedImportance {
  readonly stored: StoredGguf;
  /** How many experts have too few tokens. */
  readonly note: string;
}

/**
 * Cuts the experts of llama.cpp's importance matrix as a plan cuts those of the model.
 *
 * @throws WorkbenchError `bad-gguf`, `bad-imatrix`.
 */
export const prunedImportance = async (
  { descriptor, info, name }: Pick<Checkpoint, 'descriptor' | 'info' | 'name'>,
  plan: Plan,
  file: string,
): Promise<PrunedImportance> => {
  if (isMergePlan(plan) || plan.constants !== undefined)
    throw refuse(
      'bad-imatrix',
      `The plan for ${name} merges or replaces experts, and what an importance matrix becomes then is not defined.`,
      'Make one of the exported model with llama-imatrix.',
    );
  const blocks = descriptor.moeLayers.map(({ block }) => block);
  const { contents, counts, layerOf } = await readImportanceMatrix(file, { experts: info.experts, blocks });
  const tensors = contents.tensors.map((tensor): ExportedTensor => {
    const { name: stored, shape, byteOffset, byteLength } = tensor;
    const view = { tensor: stored, file, dtype: 'F32' as const, shape, byteOffset, byteLength };
    const whole = { name: stored, sourceFile: file, dtype: 'F32' as const, shape, byteLength };
    const layer = layerOf.get(stored);
    const kept = layer === undefined ? undefined : plan.kept[layer];
    if (kept === undefined) return { ...whole, pieces: [{ view, what: 'the source' }] };
    const pieces = kept.map((expert) => ({
      view: contiguousPart(view, expert, info.experts, shape.slice(1)),
      what: `expert ${String(expert)} of the source`,
    }));
    return {
      ...whole,
      shape: [kept.length, ...shape.slice(1)],
      byteLength: (kept.length * byteLength) / info.experts,
      pieces,
    };
  });
  return {
    stored: await planStoredGguf({ weightFiles: [{ name: file, file }] }, tensors, 0),
    note: fewTokensNote(counts, plan.kept),
  };
};
