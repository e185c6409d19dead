import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { present } from '../contract/errors.ts';
import { describeModel } from '../checkpoint/describe-model.ts';
import type { MoeDescriptor, TensorView } from '../checkpoint/descriptor.ts';
import { familyOf } from '../checkpoint/families/families.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { routerTensors, takesIdentityRows } from '../checkpoint/routing.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { flushed } from '../files/write-atomically.ts';
import type { MoeLayer } from '../graph/moe.ts';
import { wholeModelGraph } from '../graph/whole-model.ts';
import { maskedVariant, ownLayer } from '../inference/layer-variant.ts';
import { configOf } from './export-config.ts';
import type { ExportedTensor } from './exported-tensors.ts';
import { chunkBuffer, tensorBytes, writeTensors } from './write-weights.ts';

/** The graph, and its weights in a folder without other ones. */
export const ONNX_FILE = 'model.onnx';
export const ONNX_DATA_FILE = 'model.onnx.data';

/** Alignment of tensors in bytes: the longest vectors that processors load. */
const ALIGNMENT = 64;
const padding = (offset: number): number => (ALIGNMENT - (offset % ALIGNMENT)) % ALIGNMENT;

/** Position of each tensor in the data file of `folder`, by name, and the file's size. */
export const onnxData = (
  tensors: readonly ExportedTensor[],
  folder: string,
): { readonly views: ReadonlyMap<string, TensorView>; readonly sizeBytes: number } => {
  const file = path.join(folder, ONNX_DATA_FILE);
  const views = new Map<string, TensorView>();
  let offset = 0;
  for (const { name, dtype, shape, byteLength } of tensors) {
    offset += padding(offset);
    views.set(name, { tensor: name, file, dtype, shape, byteOffset: offset, byteLength });
    offset += byteLength;
  }
  return { views, sizeBytes: offset };
};

/**
 * Writes the data file and flushes it to disk; returns its SHA-256. Keeps only one chunk in memory. `onBytes` may throw
 * to stop.
 */
export const writeOnnxData = async (
  tensors: readonly ExportedTensor[],
  folder: string,
  onBytes: (bytes: number) => void,
): Promise<string> => {
  const { views } = onnxData(tensors, folder);
  const buffer = chunkBuffer();
  const placed = tensors.map(({ name, pieces }) => ({
    ...present(views.get(name), `no place for ${name}`),
    name,
    bytes: () => tensorBytes(pieces, buffer),
  }));
  return writeTensors(path.join(folder, ONNX_DATA_FILE), new Uint8Array(), placed, onBytes);
};

/** Rows of a tensor with one for each row of the router, as many as a router of the kept experts has. */
const firstRows = (view: TensorView, dropped: number): TensorView => {
  const axis = view.shape.findIndex((length) => length > 1);
  const rows = view.shape[axis] ?? 1;
  const left = rows - dropped;
  return { ...view, shape: view.shape.with(axis, left), byteLength: (view.byteLength / rows) * left };
};

/** A layer that chooses among the kept experts (original numbers) by the whole router, whose gates it gives them. */
const trainedLayer = (layer: MoeLayer, moe: MoeDescriptor, kept: readonly number[], views: Views): MoeLayer => {
  const wholeOf = (view: TensorView | null): TensorView | null =>
    view === null ? null : (views.get(view.tensor) ?? view);
  const { routing } = layer;
  if (routing.kind !== 'scores') throw new Error('a router without scores has no trained gates');
  const experts = Array.from({ length: moe.experts }, (_, expert) => Math.max(0, kept.indexOf(expert)));
  const identities = Array.from({ length: moe.identities }, (_, number) => kept.length + number);
  return {
    ...layer,
    router: wholeOf(layer.router) ?? layer.router,
    routerBias: wholeOf(layer.routerBias),
    routing: { ...routing, correction: wholeOf(routing.correction), expertScale: wholeOf(routing.expertScale) },
    map: { kind: 'rows', experts: [...experts, ...identities] },
    gates: 'trained',
  };
};

type Views = ReadonlyMap<string, TensorView>;

/**
 * Writes the graph of a pruned model with config `configText`. Its tensors lie in files of the same folder, in their
 * stored dtypes, at `views`. With trained gates the router has all its rows, and a mask on those of dropped experts.
 * Returns the file's SHA-256.
 */
export const writeOnnxGraph = async (
  source: Checkpoint,
  plan: Plan,
  configText: string,
  views: ReadonlyMap<string, TensorView>,
  folder: string,
): Promise<string> => {
  const family = present(familyOf(source.descriptor.family), `no family ${source.descriptor.family}`);
  const config = configOf(configText);
  // A graph names files relative to its folder, which serves as the root of block graphs here.
  const fromFolder = new Map(
    [...views].map(([name, view]) => [name, { ...view, file: `/${path.basename(view.file)}` }]),
  );
  const hasIdentityRows = source.descriptor.moeLayers.every(({ moe }) => takesIdentityRows(moe));
  const isTrained = plan.gates?.kind === 'trained' && !isMergePlan(plan) && !hasIdentityRows;
  const cut = new Map(fromFolder);
  if (isTrained)
    for (const [layer, { moe }] of source.descriptor.moeLayers.entries())
      for (const { tensor } of routerTensors(moe)) {
        const view = fromFolder.get(tensor);
        if (view !== undefined) cut.set(tensor, firstRows(view, moe.experts - (plan.kept[layer]?.length ?? 0)));
      }
  const model = describeModel(family, config, cut, folder);
  const masks = new Map<number, Float32Array>();
  const layers = model.blocks.map(({ moe }) => (moe === null ? null : ownLayer(moe)));
  if (isTrained)
    for (const [index, { block, moe }] of source.descriptor.moeLayers.entries()) {
      const [layer, kept] = [layers[block] ?? null, plan.kept[index] ?? []];
      if (layer === null) continue;
      layers[block] = trainedLayer(layer, moe, kept, fromFolder);
      masks.set(block, maskedVariant(moe, kept).mask);
    }
  const { bytes } = wholeModelGraph(model, layers, masks);
  await flushed(open(path.join(folder, ONNX_FILE), 'wx'), (handle) => handle.writeFile(bytes));
  return createHash('sha256').update(bytes).digest('hex');
};
