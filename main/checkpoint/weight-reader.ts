import { refuse } from '../contract/errors.ts';
import {
  codeIn,
  type CompressedScheme,
  putsScalesBeside,
  readCompressedScheme,
  readScaled,
  readWords,
  requireGroups,
  roundedTo,
  singleExpertIn,
  takeScaled,
  WORD_BITS,
} from './compressed-tensors.ts';
import type { ConfigReader } from './config-reader.ts';
import type { ModelDescriptor, StoredMatrix, TensorView, Weight } from './descriptor.ts';
import { plainWeight, readTensor } from './read-tensor.ts';
import { SCALE_ENDING, type TensorIndex } from './tensor-index.ts';

/**
 * Matrices of GPTQ and AWQ: integers in 32-bit words, stored as [in, out] with a scale and a zero point per group of
 * inputs. Value: (code - zero point) * scale, rounded to the dtype of the scales.
 * GPTQ packs inputs and stores zero points less one (AutoGPTQ 0.7.1, `qlinear_cuda_old.py`, its computation without
 * kernels); GPTQModel's `gptq_v2` stores them as they are.
 * AWQ packs outputs in the order 0, 2, 4, 6, 1, 3, 5, 7 (AutoAWQ 0.2.9, `packing_utils.py`, `dequantize_gemm`).
 */

type ColumnsMatrix = Extract<StoredMatrix, { kind: 'packed-columns' }>;

interface ColumnsScheme {
  readonly kind: 'packed-columns';
  readonly layout: ColumnsMatrix['layout'];
  readonly bits: number;
  /** Inputs of one scale; null: all. */
  readonly group: number | null;
}

/** Place in its word of each of eight consecutive outputs. */
const AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7] as const;

/**
 * Reads `quantization_config` of GPTQ or AWQ.
 *
 * @throws WorkbenchError `unsupported-config` for forms that are not read, with the key and its value.
 */
const readColumnsScheme = (config: ConfigReader, method: 'gptq' | 'awq'): ColumnsScheme => {
  const size = config.raw('group_size') ?? (method === 'awq' ? 128 : -1);
  const group = size === -1 ? null : config.integer('group_size');
  const single = singleExpertIn(config.raw('modules_to_not_convert'));
  if (single !== null)
    throw config.unsupported(`quantisation that names single experts ("${single}") is not supported`);
  const dynamic = config.raw('dynamic');
  if (dynamic !== undefined && dynamic !== null && JSON.stringify(dynamic) !== '{}')
    throw config.unsupported('quantisation that differs by module ("dynamic") is not supported');
  const bits = config.raw('bits') ?? config.raw('w_bit') ?? 4;
  if (bits !== 4 && (method === 'awq' || (bits !== 2 && bits !== 8)))
    throw config.unsupported(`${JSON.stringify(bits)}-bit weights of ${method} are not supported`);
  if (method === 'gptq') {
    const format = config.raw('checkpoint_format') ?? 'gptq';
    if (format !== 'gptq' && format !== 'gptq_v2')
      throw config.unsupported(`checkpoint_format ${JSON.stringify(format)} of gptq is not supported`);
    return { kind: 'packed-columns', layout: format, bits, group };
  }
  const version = config.raw('version') ?? 'gemm';
  if (typeof version !== 'string' || version.toLowerCase() !== 'gemm' || config.raw('zero_point') === false)
    throw config.unsupported(`version ${JSON.stringify(version)} of awq, or awq without zero points, is not supported`);
  return { kind: 'packed-columns', layout: 'awq', bits, group };
};

/** Takes a quantised matrix [out, in]; null where `name` is not quantised. `name` ends in `.weight`. */
const takeColumns = (
  index: TensorIndex,
  name: string,
  [out, width]: readonly [number, number],
  { layout, bits, group }: ColumnsScheme,
): Weight | null => {
  const base = name.slice(0, -'weight'.length);
  if (!index.has(`${base}qweight`)) return null;
  const perWord = WORD_BITS / bits;
  const groups = group === null ? 1 : Math.ceil(width / group);
  const isAwq = layout === 'awq';
  const shape = isAwq ? [width, Math.ceil(out / perWord)] : [Math.ceil(width / perWord), out];
  const view = index.take(`${base}qweight`, shape, ['I32']);
  const zeroPoints = index.take(`${base}qzeros`, [groups, Math.ceil(out / perWord)], ['I32']);
  const scales = index.take(`${base}scales`, [groups, out], ['F16', 'BF16', 'F32']);
  const order = isAwq ? null : index.take(`${base}g_idx`, [width], ['I32']);
  return {
    stored: { kind: 'packed-columns', layout, view, scales, zeroPoints, order, bits, group },
    shape: [out, width],
  };
};

/** The values [out, in] of a matrix as its package computes them without a kernel. */
const readColumns = async (
  { layout, view, scales, zeroPoints, order, bits, group }: ColumnsMatrix,
  [out = 0, width = 0]: readonly number[],
): Promise<Float32Array> => {
  const [codes, zeros, factors] = [await readWords(view), await readWords(zeroPoints), await readTensor(scales)];
  const groupOf = order === null ? null : requireGroups(order, await readWords(order), scales.shape[0] ?? 1);
  const perWord = WORD_BITS / bits;
  const mask = 2 ** bits - 1;
  const isAwq = layout === 'awq';
  const [codeWords, zeroWords] = [view.shape[1] ?? 1, zeroPoints.shape[1] ?? 1];
  const placeOf = (index: number): number => (isAwq ? (AWQ_PLACES[index % 8] ?? 0) : index % perWord);
  const at = (words: Int32Array, word: number, place: number): number => codeIn(words[word] ?? 0, bits, place);
  const values = new Float32Array(out * width);
  for (let row = 0; row < out; row += 1) {
    const [word, place] = [Math.floor(row / perWord), placeOf(row)];
    for (let column = 0; column < width; column += 1) {
      const columnGroup = groupOf?.[column] ?? (group === null ? 0 : Math.floor(column / group));
      const code = isAwq
        ? at(codes, column * codeWords + word, place)
        : at(codes, Math.floor(column / perWord) * codeWords + row, column % perWord);
      const stored = at(zeros, columnGroup * zeroWords + word, place);
      const zero = layout === 'gptq' ? (stored + 1) & mask : stored;
      values[row * width + column] = (code - zero) * (factors[columnGroup * out + row] ?? 0);
    }
  }
  return roundedTo(scales, values);
};

export type Quantisation =
  | { readonly kind: 'none' }
  | { readonly kind: 'mxfp4' }
  | { readonly kind: 'fp8'; readonly block: readonly [number, number] }
  | CompressedScheme
  | ColumnsScheme;

/** Whether matrices are stored in a way that can be read in any family: with scales beside them. */
export const isReadAnywhere = (reader: ConfigReader): boolean => {
  const method = reader.object('quantization_config')?.raw('quant_method');
  return method === 'fp8' || putsScalesBeside(method);
};

/** What methods that are not read do with matrices, by `quant_method`. */
const OTHER_METHODS: Readonly<Record<string, string>> = {
  modelopt: "NVIDIA's ModelOpt: FP8 or NVFP4 in layouts of its own",
  modelopt_fp4: "NVIDIA's ModelOpt: NVFP4 in a layout of its own",
  bitsandbytes: 'matrices in NF4, FP4 or int8 that only its kernels read',
  torchao: 'tensor subclasses of PyTorch',
  quanto: "Hugging Face's quanto",
  hqq: 'half-quadratic quantisation',
  aqlm: 'codebooks',
  eetq: 'int8 in the order of its kernels',
  quark: "AMD's Quark",
  fbgemm_fp8: 'FP8 with a scale per row in a layout of its own',
  bitnet: 'ternary matrices',
};

/** Reads `quantization_config` of a config; refuses unknown methods by name. */
export const readQuantisation = (reader: ConfigReader): Quantisation => {
  const config = reader.object('quantization_config');
  if (config === null) return { kind: 'none' };
  const method = config.raw('quant_method');
  if (method === 'mxfp4') return { kind: 'mxfp4' };
  if (method === 'compressed-tensors') return readCompressedScheme(config);
  if (method === 'gptq' || method === 'awq') return readColumnsScheme(config, method);
  if (method !== 'fp8')
    throw refuse(
      'unsupported-config',
      `${config.location}: quantisation ${JSON.stringify(method)} is not supported` +
        `${typeof method === 'string' && method in OTHER_METHODS ? ` (${OTHER_METHODS[method] ?? ''})` : ''}.`,
      'Use the bfloat16 checkpoint that it was made from, or one in FP8, MXFP4, compressed-tensors, GPTQ, AWQ or GGUF.',
    );
  if (config.raw('weight_block_size') === null)
    throw config.unsupported('fp8 without "weight_block_size" is not supported: scales are read by blocks only');
  const [rows, columns, ...more] = config.integers('weight_block_size');
  if (rows === undefined || columns === undefined || more.length > 0)
    throw config.bad('weight_block_size', config.raw('weight_block_size'), 'two whole numbers');
  return { kind: 'fp8', block: [rows, columns] };
};

/** Name of scales that are powers of two (DeepSeek-V4). */
const powersName = (name: string): string => name.replace(/weight$/, 'scale');
/** Values of a row in MXFP4 that share a scale (OCP microscaling formats). */
const MXFP4_VALUES = 32;

/**
 * A matrix as DeepSeek-V4 is released: float8 with a power of two for each block, or (experts) two e2m1 floats in a
 * byte with one for each 32 values of a row; null: it has no such scales.
 */
const takePowers = (
  index: TensorIndex,
  name: string,
  [out, width]: readonly [number, number],
  block: readonly [number, number],
): Weight | null => {
  const scaleName = powersName(name);
  if (!index.has(scaleName)) return null;
  const isPairs = index.dtypeOf(name) !== 'F8_E4M3';
  const span = isPairs ? ([1, MXFP4_VALUES] as const) : block;
  const view = isPairs ? index.take(name, [out, width / 2], ['I8', 'U8']) : index.take(name, [out, width], ['F8_E4M3']);
  const grid = [Math.ceil(out / span[0]), Math.ceil(width / span[1])];
  const scales = index.take(scaleName, grid, ['F8_E8M0', 'U8']);
  const packing = isPairs ? 'pairs' : 'bytes';
  const parts = { globalScale: null, zeroPoints: null, order: null, bits: isPairs ? 4 : 8, packing, span } as const;
  return { stored: { kind: 'scaled', view, scales, ...parts }, shape: [out, width] };
};

/** Takes matrices from the tensors on disk: plain, or quantised with scales where the checkpoint has them. */
export class WeightReader {
  readonly index: TensorIndex;
  readonly quantisation: Quantisation;

  constructor(index: TensorIndex, quantisation: Quantisation) {
    this.index = index;
    this.quantisation = quantisation;
  }

  /** A matrix [out, in] that a checkpoint may quantise; `name` ends in `.weight`. */
  take(name: string, shape: readonly [number, number]): Weight {
    if (this.quantisation.kind === 'compressed')
      return takeScaled(this.index, name, shape, this.quantisation) ?? plainWeight(this.index.take(name, shape));
    if (this.quantisation.kind === 'packed-columns')
      return takeColumns(this.index, name, shape, this.quantisation) ?? plainWeight(this.index.take(name, shape));
    const scaleName = `${name}${SCALE_ENDING}`;
    const isQuantised =
      this.index.has(scaleName) || this.index.has(powersName(name)) || this.index.dtypeOf(name) === 'F8_E4M3';
    if (this.quantisation.kind !== 'fp8' || !isQuantised) return plainWeight(this.index.take(name, shape));
    const { block } = this.quantisation;
    const powers = takePowers(this.index, name, shape, block);
    if (powers !== null) return powers;
    const view = this.index.take(name, shape, ['F8_E4M3']);
    const scales = this.index.take(
      scaleName,
      [Math.ceil(shape[0] / block[0]), Math.ceil(shape[1] / block[1])],
      ['F32', 'BF16'],
    );
    return { stored: { kind: 'fp8', view, scales, block }, shape };
  }

  /** A vector or matrix that is never quantised. */
  takeView(name: string, shape: readonly number[]): TensorView {
    return this.index.take(name, shape);
  }
}

/** Whether a weight's values are computed from codes with scales before a graph runs; such weights are never merged. */
export const hasScales = ({ stored: { kind } }: Weight): boolean => kind === 'scaled' || kind === 'packed-columns';

/** Whether the experts of a model are such weights. */
export const hasScaledExperts = ({ moeLayers }: Pick<ModelDescriptor, 'moeLayers'>): boolean =>
  moeLayers.some(({ moe }) => moe.expertTensors.some(({ up }) => hasScales(up)));

/** The values of a weight with scales. */
export const readWithScales = ({ stored, shape }: Weight): Promise<Float32Array> => {
  if (stored.kind === 'scaled') return readScaled(stored, shape);
  if (stored.kind === 'packed-columns') return readColumns(stored, shape);
  throw new Error('the graph computes other quantised matrices');
};
