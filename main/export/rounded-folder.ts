import type { SweepFact } from '../contract/sweep-fact.ts';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { valuesIn } from '../arithmetic/vectors.ts';
import type { ModelDescriptor, TensorDtype, TensorView } from '../checkpoint/descriptor.ts';
import { isBlockType, tensorBytes as bytesOfType } from '../checkpoint/gguf/gguf-types.ts';
import { type Checkpoint, SINGLE_FILE } from '../checkpoint/open-checkpoint.ts';
import { fromFloat32, plainView, storedName, toFloat32 } from '../checkpoint/read-tensor.ts';
import { type TensorToWrite, writeSafetensors } from '../checkpoint/write-safetensors.ts';
import { CancelledError, refuse, WorkbenchError } from '../contract/errors.ts';
import {
  type CompressedType,
  type GgufType,
  ggufTypeOf,
  isCompressedType,
  type RoundedType,
} from '../contract/export.ts';
import { type DropPlan, expertTypesOf, isMergePlan, type Plan } from '../contract/plan.ts';
import { freeBytes } from '../files/path-signature.ts';
import type { Overlays } from '../inference/overlays.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { type CompressedFolder, compressedFolder, requireCompressible } from './compressed-folder.ts';
import { exportedConfig, keptExperts } from './export-config.ts';
import { copySideFiles } from './export-folder.ts';
import { weightBytes } from './export-progress.ts';
import { type ExportedTensor, exportedTensors } from './exported-tensors.ts';
import { plain } from '../checkpoint/gguf/llama-architectures.ts';
import { llamaArchitecture, storageProblems } from './gguf/architectures.ts';
import { plainDtypes } from './gguf/encode-values.ts';
import { exportedModel, GGUF_FILE } from './gguf/gguf-file.ts';
import { type GgufPiece, type GgufTensor, modelTensors } from './gguf/model-tensors.ts';
import { isStoredGguf, planStoredGguf, type StoredGguf, writeStoredGguf } from './gguf/stored-gguf.ts';
import { inRows, type ReadView, readPieces, roundWithin, virtualViews } from './gguf/tensor-values.ts';
import { requireOneType } from './prepare-plan.ts';
import { chunkBuffer, tensorBytes, writeFlushed } from './write-weights.ts';

/**
 * Models whose weights are rounded as a file stores them: a GGUF file, or a folder of compressed-tensors. Their values
 * are exactly those that a reader computes from the exported file, so a sweep can measure it. Tensors that the file
 * leaves in float32 (norms, routers, biases) keep their values.
 */

/** The plan that keeps every expert. */
export const wholePlan = ({ info }: Pick<Checkpoint, 'info'>): DropPlan => {
  const all = Array.from({ length: info.experts }, (_, expert) => expert);
  return { kept: Array.from({ length: info.moeLayers }, () => all) };
};

/** Whether the masked model computes a plan: it drops experts, and changes no weights of the others. */
export const isMaskable = (plan: Plan): boolean => onlyDrops(plan) && plan.gates?.kind !== 'folded';

/** Plans with types by layer have files of their own, too. */
const onlyDrops = (plan: Plan): boolean =>
  !isMergePlan(plan) && plan.constants === undefined && plan.recovery === undefined && plan.expertTypes === undefined;

const without = ({ name }: Checkpoint, reason: string): WorkbenchError =>
  refuse(
    'weights-without-gguf',
    `The weights of ${name} cannot be rounded as GGUF stores them: ${reason}.`,
    'Measure it with stored weights only.',
  );

/**
 * The tensors of a GGUF file of a model, and why llama.cpp would not run that file (null: it would). Without a proven
 * architecture the layout is that of the others, and must place every tensor.
 *
 * @throws WorkbenchError `weights-without-gguf`.
 */
const layoutOf = (
  checkpoint: Checkpoint,
  { model, config, names }: { model: ModelDescriptor; config: Checkpoint['config']; names: Iterable<string> },
  type: GgufType,
  expertTypes?: readonly GgufType[],
): { readonly written: readonly GgufTensor[]; readonly notRun: string | null } => {
  try {
    return { written: modelTensors(model, config, llamaArchitecture(model, config), type, expertTypes), notRun: null };
  } catch (error) {
    if (!(error instanceof WorkbenchError)) throw error;
    const [problem] = storageProblems(model);
    if (problem !== undefined) throw without(checkpoint, problem);
    const written = modelTensors(model, config, plain, type, expertTypes);
    const placed = new Set(written.flatMap(({ pieces }) => pieces.map(({ weight }) => storedName(weight))));
    const beside = new Set([...model.prediction.tensors, ...model.carriedTensors]);
    const missing = [...names].find((name) => !placed.has(name) && !beside.has(name));
    if (missing !== undefined) throw without(checkpoint, `GGUF has no place for its tensor "${missing}"`);
    return { written, notRun: error.message };
  }
};

/**
 * Null where an export writes the files whose values a model's rounded weights are; else a note about what they are.
 *
 * @throws WorkbenchError `weights-without-gguf`, `weights-not-quantised`, `no-whole-blocks`.
 */
export const roundedWeightsFact = (checkpoint: Checkpoint, types: readonly RoundedType[]): SweepFact | null => {
  for (const type of types.filter(isCompressedType)) requireCompressible(checkpoint, type);
  if (types.every(isCompressedType)) return null;
  const { descriptor: model, config, tensors, name } = checkpoint;
  const asFiles = types.filter((type) => !isCompressedType(type)).map(ggufTypeOf);
  if (isStoredGguf(checkpoint)) {
    for (const type of asFiles) modelTensors(model, config, plain, type);
    return { code: 'rounded-again', model: name };
  }
  for (const type of asFiles) layoutOf(checkpoint, { model, config, names: tensors.keys() }, type);
  const { notRun } = layoutOf(checkpoint, { model, config, names: tensors.keys() }, 'f16');
  return notRun === null ? null : { code: 'rounded-not-exported', model: name, reason: notRun };
};

/** The plan's folder, quantised. */
const compressedOf = async (
  checkpoint: Checkpoint,
  plan: Plan,
  type: CompressedType,
  overlays: Overlays,
): Promise<CompressedFolder> => {
  requireFile(checkpoint, plan, type);
  requireOneType(plan, 'a folder of compressed-tensors');
  const tensors = await exportedTensors(checkpoint, plan, overlays);
  return compressedFolder(checkpoint, plan, tensors, type);
};

const requireFile = ({ info }: Checkpoint, plan: Plan, type: RoundedType): void => {
  const { exportable } = planCost(info, plan);
  if (!exportable.hf)
    throw refuse(
      'not-exportable',
      `No ${type} file of this plan exists. ${exportable.reason ?? ''}`.trim(),
      'Measure it with stored weights only, or change the plan as described.',
    );
};

interface Rounding {
  readonly config: string;
  readonly tensors: readonly ExportedTensor[];
  readonly written: readonly GgufTensor[];
}

/**
 * @throws WorkbenchError `not-exportable` for a plan without a form that stock loaders open; `weights-without-gguf`.
 */
const roundingOf = async (
  checkpoint: Checkpoint,
  plan: Plan,
  type: GgufType,
  overlays: Overlays,
): Promise<Rounding> => {
  requireFile(checkpoint, plan, type);
  const tensors = await exportedTensors(checkpoint, plan, overlays);
  const text = await exportedConfig(checkpoint, plan);
  const { model, config } = exportedModel(checkpoint, text, tensors);
  const names = tensors.map(({ name }) => name);
  const { written } = layoutOf(checkpoint, { model, config, names }, type, expertTypesOf(plan));
  return { config: text, tensors, written };
};

/**
 * A GGUF file of a pruned model whose matrices are written again as `type`; others keep their stored types.
 *
 * @throws WorkbenchError `weights-without-gguf` for plans with weights of their own.
 */
const retyped = async (checkpoint: Checkpoint, plan: Plan, type: GgufType, overlays: Overlays): Promise<StoredGguf> => {
  if (!onlyDrops(plan)) throw without(checkpoint, 'it is a GGUF file, and a plan merges, refits or replaces experts');
  const types = modelTensors(checkpoint.descriptor, checkpoint.config, plain, type).flatMap((tensor) =>
    tensor.type === 'i32' ? [] : [[tensor.name, tensor.type] as const],
  );
  const tensors = await exportedTensors(checkpoint, plan, overlays);
  return planStoredGguf(checkpoint, tensors, keptExperts(plan), new Map(types));
};

/**
 * Bytes of the weights of the file that an export of a plan writes as `type`, without its header and the padding
 * between tensors.
 *
 * @throws WorkbenchError as `roundingOf`.
 */
export const roundedBytes = async (
  checkpoint: Checkpoint,
  plan: Plan,
  type: RoundedType,
  overlays: Overlays,
): Promise<number> => {
  if (isCompressedType(type)) return weightBytes((await compressedOf(checkpoint, plan, type, overlays)).tensors);
  if (isStoredGguf(checkpoint)) {
    const { tensors } = await retyped(checkpoint, plan, ggufTypeOf(type), overlays);
    return tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
  const { written } = await roundingOf(checkpoint, plan, ggufTypeOf(type), overlays);
  return written.reduce((sum, tensor) => sum + bytesOfType(tensor.type, tensor.shape), 0);
};

/** Parts of a stored tensor that are rounded together, each with its weights and the type of each. */
type Regions = ReadonlyMap<string, { readonly view: TensorView; readonly parts: (readonly [GgufPiece, GgufType])[] }>;

const regionsOf = (pieces: readonly (GgufPiece & { readonly type: GgufType })[]): Regions => {
  const regions = new Map<string, { view: TensorView; parts: (readonly [GgufPiece, GgufType])[] }>();
  for (const { type, ...piece } of pieces) {
    const view = plainView(piece.weight);
    const key = `${String(view.byteOffset)} ${String(view.byteLength)}`;
    const known = regions.get(key);
    if (known === undefined) regions.set(key, { view, parts: [[piece, type]] });
    // A tied embedding is written twice, and rounded once.
    else if (!known.parts.some(([other]) => JSON.stringify(other.weight) === JSON.stringify(piece.weight)))
      known.parts.push([piece, type]);
  }
  return regions;
};

/** Splits a plain matrix into parts of whole rows, which are rounded one by one; other regions stay whole. */
const partsOf = (view: TensorView, pieces: readonly (readonly [GgufPiece, GgufType])[]): readonly TensorView[] => {
  const isWhole = ({ weight: { select, transposed }, columns }: GgufPiece): boolean =>
    select === undefined && transposed !== true && columns === undefined;
  return pieces.every(([piece]) => isWhole(piece)) ? inRows(view) : [view];
};

async function* roundedTensor(
  whole: TensorView,
  regions: Regions,
  dtype: TensorDtype,
  read: ReadView,
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  const valuesOf = async (view: TensorView): Promise<Float32Array> =>
    toFloat32(await read(view), view.dtype, view.tensor);
  const between = (end: number): Promise<Float32Array> => valuesOf({ ...whole, byteOffset: at, byteLength: end - at });
  for (const { view, parts } of [...regions.values()].sort((a, b) => a.view.byteOffset - b.view.byteOffset)) {
    if (view.byteOffset > at) yield fromFloat32(await between(view.byteOffset), dtype);
    for (const part of partsOf(view, parts)) {
      const values = Float32Array.from(await valuesOf(part));
      for (const [piece, type] of parts) roundWithin(piece, type, values);
      yield fromFloat32(values, dtype);
    }
    at = view.byteOffset + view.byteLength;
  }
  if (at < whole.byteLength) yield fromFloat32(await between(whole.byteLength), dtype);
}

/** The tensors of the rounded model, for writing: rounded ones in a dtype that holds their values exactly. */
const tensorsToWrite = ({ tensors, written }: Rounding, type: GgufType): readonly TensorToWrite[] => {
  const read = readPieces(tensors);
  const pieces = written.flatMap(({ type: own, pieces: all }) =>
    own === 'f32' || own === 'i32' ? [] : all.map((piece) => ({ ...piece, type: own })),
  );
  const dtype = isBlockType(type) || new Set(pieces.map((piece) => piece.type)).size > 1 ? 'F32' : plainDtypes[type];
  const rounded = Map.groupBy(pieces, ({ weight }) => plainView(weight).tensor);
  const views = virtualViews(tensors);
  const buffer = chunkBuffer();
  return tensors.map((tensor) => {
    const [own, view] = [rounded.get(tensor.name), views.get(tensor.name)];
    if (own === undefined || view === undefined) return { ...tensor, bytes: () => tensorBytes(tensor.pieces, buffer) };
    const values = valuesIn(tensor.shape);
    return {
      name: tensor.name,
      dtype,
      shape: tensor.shape,
      byteLength: values * (dtype === 'F32' ? 4 : 2),
      bytes: () => roundedTensor(view, regionsOf(own), dtype, read),
    };
  });
};

/**
 * Writes a model folder with the rounded weights of a pruned model (float32 for types in blocks, which no 16-bit dtype
 * holds exactly), with the source's tokenizer; of a GGUF file, a folder with a GGUF file. Returns the model's path.
 *
 * @throws WorkbenchError as `roundingOf`; `disk-full`.
 */
export const writeRounded = async (
  {
    checkpoint,
    plan,
    type,
    overlays,
    signal,
  }: {
    readonly checkpoint: Checkpoint;
    readonly plan: Plan;
    readonly type: RoundedType;
    readonly overlays: Overlays;
    readonly signal: AbortSignal;
  },
  folder: string,
): Promise<string> => {
  const stopIfAborted = (): void => {
    if (signal.aborted) throw new CancelledError('The rounding');
  };
  if (isCompressedType(type)) {
    const { tensors, config } = await compressedOf(checkpoint, plan, type, overlays);
    return writeFolder(checkpoint, type, folder, config, asWritten(tensors), stopIfAborted);
  }
  if (isStoredGguf(checkpoint)) {
    const file = await retyped(checkpoint, plan, ggufTypeOf(type), overlays);
    await mkdir(folder);
    await requireSpace(checkpoint, type, folder, file.sizeBytes);
    const written = path.join(folder, GGUF_FILE);
    await writeStoredGguf(file, written, stopIfAborted);
    return written;
  }
  const stored = ggufTypeOf(type);
  const rounding = await roundingOf(checkpoint, plan, stored, overlays);
  return writeFolder(checkpoint, type, folder, rounding.config, tensorsToWrite(rounding, stored), stopIfAborted);
};

const asWritten = (tensors: readonly ExportedTensor[]): readonly TensorToWrite[] => {
  const buffer = chunkBuffer();
  return tensors.map((tensor) => ({ ...tensor, bytes: tensor.made ?? (() => tensorBytes(tensor.pieces, buffer)) }));
};

const writeFolder = async (
  checkpoint: Checkpoint,
  type: RoundedType,
  folder: string,
  config: string,
  tensors: readonly TensorToWrite[],
  stopIfAborted: () => void,
): Promise<string> => {
  const bytes = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  await mkdir(folder);
  await requireSpace(checkpoint, type, folder, bytes);
  await writeSafetensors(path.join(folder, SINGLE_FILE), tensors, { format: 'pt' }, stopIfAborted);
  await writeFlushed(path.join(folder, 'config.json'), config);
  await copySideFiles(checkpoint.folder, folder);
  return folder;
};

const requireSpace = async ({ name }: Checkpoint, type: RoundedType, folder: string, bytes: number): Promise<void> => {
  const free = await freeBytes(folder);
  if (free !== null && free < bytes)
    throw refuse(
      'disk-full',
      `${name} with weights rounded as ${type} takes ${String(Math.ceil(bytes / 1e6))} MB in ${folder} ` +
        `while it is measured; ${String(Math.floor(free / 1e6))} MB are free.`,
      'Free some space, or leave the type out.',
    );
};
