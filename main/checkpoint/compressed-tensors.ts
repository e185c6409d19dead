import { refuse, type WorkbenchError } from '../contract/errors.ts';
import type { ConfigReader } from './config-reader.ts';
import type { StoredMatrix, TensorView, Weight } from './descriptor.ts';
import { fromFloat32, readTensor, readTensorBytes, toFloat32 } from './read-tensor.ts';
import type { TensorIndex } from './tensor-index.ts';

/** Common parts of quantised matrices with scales beside them (compressed-tensors, GPTQ, AWQ). */

/** Methods that quantise single matrices: those are then those of their family, with scales beside them. */
const WITH_SCALES: readonly unknown[] = ['compressed-tensors', 'gptq', 'awq'];

/** Whether a `quant_method` puts scales beside single matrices. */
export const putsScalesBeside = (method: unknown): boolean => WITH_SCALES.includes(method);

/** Bits of the words that codes are packed into. */
export const WORD_BITS = 32;

/** The code at a place of a word, from the lowest bits on. */
export const codeIn = (word: number, bits: number, place: number): number =>
  (word >>> (bits * place)) & (2 ** bits - 1);

/** The words of a tensor of int32. */
export const readWords = async (view: TensorView): Promise<Int32Array> => {
  const { buffer, byteOffset, byteLength } = await readTensorBytes(view);
  return new Int32Array(buffer, byteOffset, byteLength / 4);
};

/** Values rounded to the dtype of their scales. */
export const roundedTo = ({ dtype, tensor }: TensorView, values: Float32Array): Float32Array =>
  toFloat32(fromFloat32(values, dtype), dtype, tensor);

/**
 * The groups that a tensor names for the columns of a matrix, all of `count`.
 *
 * @throws WorkbenchError `bad-tensor`.
 */
export const requireGroups = ({ file, tensor }: TensorView, groups: Int32Array, count: number): Int32Array => {
  const bad = groups.find((group) => group < 0 || group >= count);
  if (bad === undefined) return groups;
  throw refuse(
    'bad-tensor',
    `${file}: tensor "${tensor}" names group ${bad} of ${count}.`,
    'Fetch the checkpoint again.',
  );
};

/** A text within a config's value that names a single expert ("...experts.3...", also as a pattern); null: none. */
export const singleExpertIn = (value: unknown): string | null => {
  if (typeof value === 'string') return /experts\\?\.\d/.test(value) ? value : null;
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, part] of Object.entries(value)) {
    const found = singleExpertIn(key) ?? singleExpertIn(part);
    if (found !== null) return found;
  }
  return null;
};

/**
 * Matrices that the compressed-tensors package quantises (vLLM's format; version 0.17.0, `quantization/lifecycle` and
 * `compressors`): float8 and int8 codes as they are, integers of 1 to 8 bits packed into 32-bit words, or two e2m1
 * floats in a byte (NVFP4, MXFP4), with scales per matrix, row, group of columns or block, and zero points where they
 * are not symmetric. Quantised activations are not computed: the graphs compute in float32.
 */

export type ScaledMatrix = Extract<StoredMatrix, { kind: 'scaled' }>;

/** How the weights of a folder are quantised: one scheme for all of its quantised matrices. */
export interface CompressedScheme {
  readonly kind: 'compressed';
  readonly bits: number;
  readonly isFloat: boolean;
  readonly packing: ScaledMatrix['packing'];
  /** Scales are float8, and one float32 per matrix divides them; pairs without it have powers of two. */
  readonly hasGlobalScale: boolean;
  readonly isSymmetric: boolean;
  /** Columns have groups of their own, listed in `weight_g_idx`. */
  readonly isOrdered: boolean;
  /** Rows and columns of one scale; null: all. */
  readonly rows: number | null;
  readonly columns: number | null;
}

const FORMATS = [
  'pack-quantized',
  'int-quantized',
  'float-quantized',
  'naive-quantized',
  'nvfp4-pack-quantized',
  'mxfp4-pack-quantized',
] as const;

/** Formats of two e2m1 floats in a byte. */
const isPairs = (format: (typeof FORMATS)[number]): boolean =>
  format === 'nvfp4-pack-quantized' || format === 'mxfp4-pack-quantized';

/** Ending of the integers in words in place of `.weight`. */
export const PACKED_ENDING = '_packed';

/**
 * Reads `quantization_config` of compressed-tensors.
 *
 * @throws WorkbenchError `unsupported-config` for schemes that are not read, with the key and its value.
 */
export const readCompressedScheme = (config: ConfigReader): CompressedScheme => {
  for (const key of ['kv_cache_scheme', 'transform_config'] as const) {
    const value = config.raw(key);
    if (value !== undefined && value !== null && JSON.stringify(value) !== '{}')
      throw config.unsupported(`quantisation with "${key}" is not supported`);
  }
  const sparsity = config.object('sparsity_config');
  if (sparsity !== null && (sparsity.raw('format') ?? 'dense') !== 'dense')
    throw config.unsupported(`sparse weights (${JSON.stringify(sparsity.raw('format'))}) are not supported`);
  const single = singleExpertIn([config.raw('ignore'), config.raw('config_groups')]);
  if (single !== null)
    throw config.unsupported(`quantisation that names single experts ("${single}") is not supported`);
  const groups = config.object('config_groups');
  const raw = config.raw('config_groups');
  const names = typeof raw === 'object' && raw !== null ? Object.keys(raw) : [];
  const schemes = names.map((name) => {
    const group = groups?.object(name);
    if (group === null || group === undefined) throw config.bad('config_groups', raw, 'an object of schemes');
    return schemeOf(group, group.raw('format') ?? config.raw('format'));
  });
  const [first, ...others] = schemes;
  if (first === undefined) throw config.bad('config_groups', raw, 'at least one scheme');
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(first)))
    throw config.unsupported('several schemes of quantisation in one checkpoint are not supported');
  return first;
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const schemeOf = (group: ConfigReader, format: unknown): CompressedScheme => {
  const known = FORMATS.find((each) => each === format);
  if (known === undefined)
    throw group.unsupported(`weights as ${JSON.stringify(format ?? null)} are not supported (${FORMATS.join(', ')})`);
  const weights = group.object('weights');
  if (weights === null) throw group.bad('weights', null, 'a scheme');
  const [type, strategy] = [textOf(weights.raw('type') ?? 'int'), textOf(weights.raw('strategy') ?? 'tensor')];
  const bits = weights.integer('num_bits');
  const packing = isPairs(known) ? 'pairs' : known === 'pack-quantized' ? 'words' : 'bytes';
  const isFloat = type === 'float';
  const actorder = weights.raw('actorder') ?? null;
  const isKnownWidth = { pairs: isFloat && bits === 4, words: !isFloat && bits >= 1 && bits <= 8, bytes: bits === 8 };
  if (!isKnownWidth[packing]) throw weights.unsupported(`${bits}-bit ${type} weights as ${known} are not supported`);
  const isGrouped = strategy === 'group' || (packing === 'pairs' && strategy === 'tensor_group');
  const block = strategy === 'block' ? weights.integers('block_structure') : [];
  if (strategy === 'block' && block.length !== 2)
    throw weights.bad('block_structure', weights.raw('block_structure'), 'two whole numbers');
  if (!isGrouped && (packing === 'pairs' || !['tensor', 'channel', 'block'].includes(strategy)))
    throw weights.unsupported(`scales by ${JSON.stringify(strategy)} are not supported in weights as ${known}`);
  const isSymmetric = weights.raw('symmetric') !== false;
  if (packing === 'pairs' && (!isSymmetric || actorder === 'group' || actorder === true))
    throw weights.unsupported(`zero points and ordered columns are not supported in weights as ${known}`);
  if (packing === 'words' && !isSymmetric && !isGrouped && strategy !== 'channel')
    throw weights.unsupported(`zero points by ${JSON.stringify(strategy)} are not supported in packed weights`);
  return {
    kind: 'compressed',
    bits,
    isFloat,
    packing,
    hasGlobalScale: known === 'nvfp4-pack-quantized',
    isSymmetric,
    isOrdered: isGrouped && (actorder === 'group' || actorder === true),
    rows: strategy === 'tensor' ? null : (block[0] ?? 1),
    columns: isGrouped ? weights.integer('group_size') : (block[1] ?? null),
  };
};

const SCALE_DTYPES = ['F32', 'F16', 'BF16'] as const;

/** Takes a quantised matrix [out, in] with its scales; null where `name` is not quantised. `name` ends in `.weight`. */
export const takeScaled = (
  index: TensorIndex,
  name: string,
  [out, width]: readonly [number, number],
  { bits, isFloat, packing, hasGlobalScale, isSymmetric, isOrdered, rows, columns }: CompressedScheme,
): Weight | null => {
  if (!index.has(`${name}_scale`)) return null;
  const perWord = Math.floor(WORD_BITS / bits);
  const [isPairs, isWords] = [packing === 'pairs', packing === 'words'];
  const view =
    isPairs || isWords
      ? index.take(
          `${name}${PACKED_ENDING}`,
          [out, Math.ceil(width / (isPairs ? 2 : perWord))],
          [isPairs ? 'U8' : 'I32'],
        )
      : index.take(name, [out, width], [isFloat ? 'F8_E4M3' : 'I8']);
  if (isPairs && columns !== null && width % columns !== 0) throw unevenGroups(view, width, columns);
  const lines = rows === null ? 1 : Math.ceil(out / rows);
  const groups = columns === null ? 1 : Math.ceil(width / columns);
  const ofMatrix = index.shapeOf(`${name}_scale`)?.length === 0 ? [] : [1];
  const scaleShape = rows === null && columns === null ? ofMatrix : [lines, groups];
  const scaleDtypes = isPairs ? ([hasGlobalScale ? 'F8_E4M3' : 'U8'] as const) : SCALE_DTYPES;
  const scales = index.take(`${name}_scale`, scaleShape, scaleDtypes);
  const globalScale = hasGlobalScale ? index.take(`${name}_global_scale`, [1], ['F32']) : null;
  const zeroPoints = isSymmetric
    ? null
    : isWords
      ? index.take(`${name}_zero_point`, [Math.ceil(lines / perWord), groups], ['I32'])
      : index.take(`${name}_zero_point`, scaleShape, ['I8']);
  // The package takes an order that is not initialised (-1) for none; `readScaled` does the same.
  const order = isOrdered ? index.take(`${name}_g_idx`, [width], ['I32']) : null;
  if (isWords) index.take(`${name}_shape`, [2], ['I64', 'I32']);
  const base = name.slice(0, -'weight'.length);
  // Scales of activations are not used here, and an export copies them.
  for (const subject of ['input', 'output'])
    for (const part of ['scale', 'zero_point', 'global_scale']) {
      const shape = index.shapeOf(`${base}${subject}_${part}`);
      if (shape !== undefined) index.take(`${base}${subject}_${part}`, shape, ['F32', 'F16', 'BF16', 'I8', 'F8_E4M3']);
    }
  const stored: ScaledMatrix = {
    kind: 'scaled',
    view,
    scales,
    globalScale,
    zeroPoints,
    order,
    bits,
    packing,
    span: [rows, columns],
  };
  return { stored, shape: [out, width] };
};

const unevenGroups = ({ file, tensor }: TensorView, width: number, columns: number): WorkbenchError =>
  refuse(
    'wrong-shape',
    `${file}: tensor "${tensor}" has ${width} columns, which are not whole groups of ${columns}.`,
    'Check that config.json and the weights belong together.',
  );

/**
 * The values of a matrix [out, in] as the package decompresses them: (code - zero point) * scale, rounded to the dtype
 * of the scales, or to bfloat16 for pairs. Packed integers are stored as themselves plus half of their range.
 *
 * @throws WorkbenchError `bad-tensor` for scales that are no numbers.
 */
export const readScaled = async (
  matrix: ScaledMatrix,
  [out = 0, width = 0]: readonly number[],
): Promise<Float32Array> => {
  const { view, scales, globalScale, zeroPoints, order, bits, packing, span } = matrix;
  const groups = span[1] === null ? 1 : Math.ceil(width / span[1]);
  const factors = await readScales(matrix);
  const places = order === null ? null : await readWords(order);
  const ordered =
    order === null || places === null || places.includes(-1) ? null : requireGroups(order, places, groups);
  const codeAt = await { pairs: codePairs, words: packedAlongRows, bytes: (view: TensorView) => codesOf(view) }[
    packing
  ](view, bits);
  const zeroAt =
    zeroPoints === null
      ? (): number => 0
      : packing === 'words'
        ? await packedAlongColumns(zeroPoints, bits)
        : await codesOf(zeroPoints, groups);
  const values = new Float32Array(out * width);
  for (let row = 0; row < out; row += 1) {
    const line = span[0] === null ? 0 : Math.floor(row / span[0]);
    for (let column = 0; column < width; column += 1) {
      const group = ordered?.[column] ?? (span[1] === null ? 0 : Math.floor(column / span[1]));
      values[row * width + column] =
        (codeAt(row, column) - zeroAt(line, group)) * (factors[line * groups + group] ?? 0);
    }
  }
  // Products with powers of two need no rounding.
  if (scales.dtype === 'F8_E8M0') return values;
  if (packing !== 'pairs') return roundedTo(scales, values);
  // The package takes one group in a row for a scale per row, whose float32 products it does not round.
  return globalScale !== null && groups === 1 ? values : roundedTo({ ...scales, dtype: 'BF16' }, values);
};

/** The scales of a matrix: stored floats, powers of two by their exponents, or float8 over a common float32. */
const readScales = async ({ scales, globalScale }: ScaledMatrix): Promise<Float32Array> => {
  const values = isByteCoded(scales)
    ? Float32Array.from(await readTensorBytes(scales), (code) =>
        scales.dtype !== 'F8_E4M3' ? 2 ** (code - EXPONENT_BIAS) : (float8Values[code] ?? 0),
      )
    : await readTensor(scales);
  requireFinite(scales, values);
  if (globalScale === null) return values;
  const [divisor = 0] = requireFinite(globalScale, await readTensor(globalScale));
  if (divisor <= 0) throw badScale(globalScale, divisor);
  const divided = values.map((value) => value / divisor);
  return requireFinite(globalScale, divided);
};

const isByteCoded = ({ dtype }: TensorView): boolean => dtype === 'U8' || dtype === 'F8_E4M3' || dtype === 'F8_E8M0';

/** Bias of the exponents of scales that are powers of two (OCP microscaling formats, E8M0). */
const EXPONENT_BIAS = 127;

const requireFinite = (view: TensorView, values: Float32Array): Float32Array => {
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw badScale(view, bad);
  return values;
};

const badScale = ({ file, tensor }: TensorView, value: number): WorkbenchError =>
  refuse('bad-tensor', `${file}: tensor "${tensor}" has the scale ${value}.`, 'Fetch the checkpoint again.');

type CodeAt = (row: number, column: number) => number;

/** Codes of a byte each, int8 or float8; `columns`: in a row, that of the tensor's shape by default. */
const codesOf = async (view: TensorView, columns = view.shape[1] ?? 1): Promise<CodeAt> => {
  const bytes = await readTensorBytes(view);
  const values = view.dtype === 'F8_E4M3' ? float8Values : int8Values;
  return (row, column) => values[bytes[row * columns + column] ?? 0] ?? 0;
};

/** e2m1 (OCP microscaling formats): the three low bits choose the magnitude, the fourth the sign. */
export const float4Values = Float32Array.from([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6]);

/** Two floats in a byte, the first in its low half. */
const codePairs = async (view: TensorView): Promise<CodeAt> => {
  const [bytes, perRow] = [await readTensorBytes(view), view.shape[1] ?? 1];
  return (row, column) => {
    const byte = bytes[row * perRow + (column >> 1)] ?? 0;
    return float4Values[column % 2 === 0 ? byte & 15 : byte >> 4] ?? 0;
  };
};

/** Words of codes of one row each. */
const packedAlongRows = async (view: TensorView, bits: number): Promise<CodeAt> => {
  const [words, perWord, perRow] = [await readWords(view), Math.floor(WORD_BITS / bits), view.shape[1] ?? 1];
  return (row, column) =>
    codeIn(words[row * perRow + Math.floor(column / perWord)] ?? 0, bits, column % perWord) - 2 ** (bits - 1);
};

/** Words of codes of one column each. */
const packedAlongColumns = async (view: TensorView, bits: number): Promise<CodeAt> => {
  const [words, perWord, columns] = [await readWords(view), Math.floor(WORD_BITS / bits), view.shape[1] ?? 1];
  return (row, column) =>
    codeIn(words[Math.floor(row / perWord) * columns + column] ?? 0, bits, row % perWord) - 2 ** (bits - 1);
};

const int8Values = Float32Array.from({ length: 256 }, (_, code) => (code < 128 ? code : code - 256));

/** e4m3 (OCP 8-bit floating point, revision 1.0): bias 7, no infinities, NaN is 0x7f and 0xff. */
export const float8Values: Float32Array = Float32Array.from({ length: 256 }, (_, code) => {
  const [exponent, fraction] = [(code >> 3) & 15, code & 7];
  const sign = code < 128 ? 1 : -1;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  return sign * (exponent === 0 ? (fraction / 8) * 2 ** -6 : (1 + fraction / 8) * 2 ** (exponent - 7));
});
