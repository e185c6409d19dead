import { valuesIn } from '../arithmetic/vectors.ts';
import type { PlainDtype, TensorView, Weight } from '../checkpoint/descriptor.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { toFloat32, wholeView } from '../checkpoint/read-tensor.ts';
import { at, refuse, type WorkbenchError } from '../contract/errors.ts';
import { dtypeBytes } from '../checkpoint/safetensors-header.ts';
import { type CompressedType, compressedTypes } from '../contract/export.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import type { Plan } from '../contract/plan.ts';
import { maxOf } from '../statistics/extremes.ts';
import { editJsonMembers } from './edit-json.ts';
import { exportedConfig } from './export-config.ts';
import type { ExportedTensor } from './exported-tensors.ts';
import { exportedModel } from './gguf/gguf-file.ts';
import { readPieces, virtualViews } from './gguf/tensor-values.ts';
import {
  type CompressedForm,
  compressedForms,
  type CompressedMatrix,
  hasWholeGroups,
  largestOf,
  quantiseMatrix,
} from './quantise-matrix.ts';

/**
 * A pruned model's folder with its linear layers quantised as the compressed-tensors package does it. Embeddings, the
 * head, routers, norms and biases keep their values, and so do matrices outside of experts without whole groups of
 * columns.
 */
export interface CompressedFolder {
  readonly config: string;
  readonly tensors: readonly ExportedTensor[];
  /** Warnings for users, one sentence each. */
  readonly warnings: readonly string[];
}

const without = ({ name }: Pick<Checkpoint, 'name'>, type: string, reason: string): WorkbenchError =>
  refuse(
    'weights-not-quantised',
    `The weights of ${name} cannot be written as ${type}: ${reason}.`,
    'Keep them as stored, or use a type of GGUF files.',
  );

/**
 * Refuses models whose linear layers cannot be quantised one by one, or whose experts not as a whole: transformers
 * reads all matrices of a packed folder's experts as codes.
 *
 * @throws WorkbenchError `weights-not-quantised`.
 */
export const requireCompressible = (checkpoint: Checkpoint, type: CompressedType): void => {
  const { descriptor, config } = checkpoint;
  if (config['quantization_config'] !== undefined && config['quantization_config'] !== null)
    throw without(checkpoint, type, 'they are quantised already');
  if (descriptor.configKeys.within !== null || descriptor.carriedTensors.length > 0)
    throw without(checkpoint, type, 'it is more than a text model');
  for (const { moe } of descriptor.moeLayers)
    for (const { gate, up, down } of moe.expertTensors)
      for (const weight of [gate, up, down]) {
        if (weight === null) continue;
        const view = wholeView(weight);
        if (moe.storage.prefix === null || view === null)
          throw without(checkpoint, type, 'its experts are not stored as one matrix each');
        const columns = at(weight.shape, 1);
        if (!hasWholeGroups(type, columns))
          throw without(
            checkpoint,
            type,
            `rows of "${view.tensor}" have ${String(columns)} values, which are not whole groups of ` +
              `${String(compressedForms[type].span[1])}, and transformers would fill experts left as stored at random`,
          );
      }
};

/**
 * The folder of a pruned model at a type, from the tensors of its export.
 *
 * @throws WorkbenchError `weights-not-quantised`.
 */
export const compressedFolder = async (
  checkpoint: Checkpoint,
  plan: Plan,
  tensors: readonly ExportedTensor[],
  type: CompressedType,
): Promise<CompressedFolder> => {
  requireCompressible(checkpoint, type);
  const configText = await exportedConfig(checkpoint, plan);
  const { model } = exportedModel(checkpoint, configText, tensors);
  const views = virtualViews(tensors);
  const linear = linearMatrices(model.blocks).filter(
    ({ tensor, byteLength }) => views.get(tensor)?.byteLength === byteLength,
  );
  const chosen = new Map(
    linear.filter(({ shape }) => hasWholeGroups(type, shape[1] ?? 1)).map((view) => [view.tensor, view]),
  );
  if (chosen.size === 0) throw without(checkpoint, type, 'no matrix has rows of whole groups');
  const read = readPieces(tensors);
  const largest = new Map<string, Promise<number>>();
  const valuesOf = async (view: TensorView): Promise<Float32Array> =>
    toFloat32(await read(view), view.dtype, view.tensor);
  /** Largest value of all matrices that servers join into one: they must share the divisor of NVFP4. */
  const mostOf = async (view: TensorView): Promise<number> => {
    const joined = [...chosen.values()].filter(({ tensor }) => joinedName(tensor) === joinedName(view.tensor));
    const most = await Promise.all(
      joined.map(async (entry) => {
        const known = largest.get(entry.tensor) ?? valuesOf(entry).then(largestOf);
        largest.set(entry.tensor, known);
        return known;
      }),
    );
    return maxOf(most);
  };
  // Codes and scales of a matrix are written one after the other.
  let last: { readonly tensor: string; readonly matrix: Promise<CompressedMatrix> } | null = null;
  const quantised = (view: TensorView): Promise<CompressedMatrix> => {
    if (last?.tensor === view.tensor) return last.matrix;
    const make = async (): Promise<CompressedMatrix> => {
      const most = type === 'nvfp4' ? await mostOf(view) : undefined;
      return quantiseMatrix(type, view.tensor, await valuesOf(view), shapeOf(view), scaleDtypeOf(view), most);
    };
    last = { tensor: view.tensor, matrix: make() };
    return last.matrix;
  };
  const written = tensors.flatMap((tensor): readonly ExportedTensor[] => {
    const view = chosen.get(tensor.name);
    return view === undefined ? [tensor] : partsOf(tensor, view, type, () => quantised(view));
  });
  const head = model.head.tensor === model.embedding.tensor ? TIED_HEAD : model.head.tensor;
  const left = [...model.moeLayers.map(({ moe }) => moe.router.tensor), head].concat(
    [...views.values()].filter((view) => isMatrix(view) && !chosen.has(view.tensor)).map(({ tensor }) => tensor),
  );
  const config = editJsonMembers(configText, { quantization_config: quantizationConfig(type, ignored(left)) });
  requireOpens(checkpoint, config, written, type);
  const wider = linear.filter(({ tensor }) => !chosen.has(tensor));
  return {
    config,
    tensors: written,
    warnings:
      wider.length === 0
        ? []
        : [
            `${String(wider.length)} matrices (${wider[0]?.tensor ?? ''} and others of its shape) keep their stored ` +
              `type: their rows are not whole groups of ${String(compressedForms[type].span[1])} values, which ` +
              `${type} requires.`,
          ],
  };
};

/** A tied head has no tensor, and transformers expects codes of its module unless that is named. */
const TIED_HEAD = 'lm_head.weight';

/** Every plain matrix of a model's blocks that the family may quantise, with more than one row. */
const linearMatrices = (blocks: unknown): readonly TensorView[] => {
  const found = new Map<string, TensorView>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('stored' in value) {
      const view = wholeView(value as Weight);
      if (view !== null && isMatrix(view) && (view.shape[0] ?? 1) > 1) found.set(view.tensor, view);
    } else for (const part of Object.values(value)) visit(part);
  };
  visit(blocks);
  return [...found.values()];
};

const isMatrix = ({ tensor, shape }: TensorView): boolean => tensor.endsWith('.weight') && shape.length === 2;

const shapeOf = ({ shape }: TensorView): readonly [number, number] => [shape[0] ?? 1, shape[1] ?? 1];

/** float16 would lose small scales. */
const scaleDtypeOf = ({ dtype }: TensorView): 'F32' | 'BF16' => (dtype === 'BF16' ? 'BF16' : 'F32');

/** A name that matrices share which servers join: queries, keys and values, and gate and up. */
const joinedName = (tensor: string): string =>
  tensor.replace(/\.[qkv]_proj\.weight$/, '.qkv').replace(/\.(?:gate_proj|up_proj|w1|w3)\.weight$/, '.gate_up');

/** The tensors of a quantised matrix, in the place of its own. */
const partsOf = (
  tensor: ExportedTensor,
  view: TensorView,
  type: CompressedType,
  quantised: () => Promise<CompressedMatrix>,
): readonly ExportedTensor[] => {
  const { format, bits, span, strategy }: CompressedForm = compressedForms[type];
  const [rows, columns] = shapeOf(view);
  const part = (
    ending: string,
    dtype: PlainDtype,
    shape: readonly number[],
    bytesOf: (matrix: CompressedMatrix) => Uint8Array,
  ): ExportedTensor => ({
    ...tensor,
    name: `${tensor.name}${ending}`,
    dtype,
    shape,
    byteLength: dtypeBytes[dtype] * valuesIn(shape),
    made: async () => bytesOf(await quantised()),
  });
  const scaleShape = [Math.ceil(rows / (span[0] ?? rows)), Math.ceil(columns / (span[1] ?? columns))];
  const isPairs = strategy === 'tensor_group' || type === 'mxfp4';
  const scaleDtype = type === 'mxfp4' ? 'U8' : type === 'nvfp4' ? 'F8_E4M3' : scaleDtypeOf(view);
  const codes =
    format === 'float-quantized'
      ? part('', 'F8_E4M3', [rows, columns], (matrix) => matrix.codes)
      : isPairs
        ? part('_packed', 'U8', [rows, columns / 2], (matrix) => matrix.codes)
        : part('_packed', 'I32', [rows, Math.ceil((columns * bits) / 32)], (matrix) => matrix.codes);
  return [
    codes,
    part('_scale', scaleDtype, scaleShape, (matrix) => matrix.scales),
    ...(type === 'nvfp4'
      ? [part('_global_scale', 'F32', [1], ({ divisor }) => new Uint8Array(Float32Array.of(divisor ?? 0).buffer))]
      : []),
    ...(format === 'pack-quantized'
      ? [part('_shape', 'I64', [2], () => new Uint8Array(BigInt64Array.of(BigInt(rows), BigInt(columns)).buffer))]
      : []),
  ];
};

/** Modules of tensors, with a pattern in place of each number, which compressed-tensors matches from the start. */
const ignored = (tensors: readonly string[]): readonly string[] =>
  [
    ...new Set(
      tensors.map((tensor) => {
        const module = tensor.replace(/\.weight$/, '');
        return /\d/.test(module)
          ? `re:^${module.replaceAll('.', String.raw`\.`).replaceAll(/\d+/g, String.raw`\d+`)}$`
          : module;
      }),
    ),
  ].sort();

/** The `quantization_config` that the package writes for such weights (`QuantizationConfig`). */
const quantizationConfig = (type: CompressedType, ignore: readonly string[]): Readonly<Record<string, unknown>> => {
  const { format, bits, isFloat, strategy, span } = compressedForms[type];
  const isGrouped = strategy === 'group' || strategy === 'tensor_group';
  return {
    config_groups: {
      group_0: {
        targets: ['Linear'],
        weights: {
          num_bits: bits,
          type: isFloat ? 'float' : 'int',
          symmetric: true,
          group_size: isGrouped ? span[1] : null,
          strategy,
          block_structure: strategy === 'block' ? span : null,
          dynamic: false,
          actorder: null,
          scale_dtype: type === 'nvfp4' ? 'torch.float8_e4m3fn' : type === 'mxfp4' ? 'torch.uint8' : null,
          zp_dtype: null,
          observer: 'memoryless_minmax',
          observer_kwargs: {},
        },
        input_activations: null,
        output_activations: null,
        format,
      },
    },
    quant_method: 'compressed-tensors',
    kv_cache_scheme: null,
    format,
    quantization_status: 'compressed',
    global_compression_ratio: null,
    ignore,
  };
};

/** The type as which an export quantised its weights; null: as stored, or in a way that no export writes. */
export const compressedTypeOf = (source: Checkpoint, exported: Checkpoint): CompressedType | null => {
  const [before, theirs] = [source, exported].map(({ config }) => config['quantization_config'] ?? null);
  if (before !== null || typeof theirs !== 'object' || theirs === null || !('config_groups' in theirs)) return null;
  const groups = canonicalJson(theirs.config_groups);
  return (
    compressedTypes.find((type) => canonicalJson(quantizationConfig(type, [])['config_groups']) === groups) ?? null
  );
};

/** Refuses a folder that would not open here again. */
const requireOpens = (
  checkpoint: Checkpoint,
  config: string,
  tensors: readonly ExportedTensor[],
  type: CompressedType,
): void => {
  try {
    exportedModel(checkpoint, config, tensors);
  } catch (error) {
    throw without(checkpoint, type, error instanceof Error ? error.message : String(error));
  }
};
