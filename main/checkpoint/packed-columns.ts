import type { ConfigReader } from './config-reader.ts';
import type { StoredMatrix, Weight } from './descriptor.ts';
import { codeIn, readWords, requireGroups, roundedTo, singleExpertIn, WORD_BITS } from './matrix-scales.ts';
import { readTensor } from './read-tensor.ts';
import type { TensorIndex } from './tensor-index.ts';

/**
 * Matrices of GPTQ and AWQ: integers in 32-bit words, stored as [in, out] with a scale and a zero point per group of
 * inputs. Value: (code - zero point) * scale, rounded to the dtype of the scales.
 * GPTQ packs inputs and stores zero points less one (AutoGPTQ 0.7.1, `qlinear_cuda_old.py`, its computation without
 * kernels); GPTQModel's `gptq_v2` stores them as they are.
 * AWQ packs outputs in the order 0, 2, 4, 6, 1, 3, 5, 7 (AutoAWQ 0.2.9, `packing_utils.py`, `dequantize_gemm`).
 */

export type ColumnsMatrix = Extract<StoredMatrix, { kind: 'packed-columns' }>;

export interface ColumnsScheme {
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
export const readColumnsScheme = (config: ConfigReader, method: 'gptq' | 'awq'): ColumnsScheme => {
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
export const takeColumns = (
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
export const readColumns = async (
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
      const own = groupOf?.[column] ?? (group === null ? 0 : Math.floor(column / group));
      const code = isAwq
        ? at(codes, column * codeWords + word, place)
        : at(codes, Math.floor(column / perWord) * codeWords + row, column % perWord);
      const stored = at(zeros, own * zeroWords + word, place);
      const zero = layout === 'gptq' ? (stored + 1) & mask : stored;
      values[row * width + column] = (code - zero) * (factors[own * out + row] ?? 0);
    }
  }
  return roundedTo(scales, values);
};
