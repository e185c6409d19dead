import { valuesIn } from '../../arithmetic/vectors.ts';

/**
 * Types of tensor values in GGUF files. Rows are whole blocks: `values` numbers in `bytes` bytes. Numbers and layouts
 * are those of ggml.h (`enum ggml_type`) and ggml-common.h.
 */
const described = {
  f32: { number: 0, values: 1, bytes: 4 },
  f16: { number: 1, values: 1, bytes: 2 },
  q4_0: { number: 2, values: 32, bytes: 18 },
  q4_1: { number: 3, values: 32, bytes: 20 },
  q5_0: { number: 6, values: 32, bytes: 22 },
  q5_1: { number: 7, values: 32, bytes: 24 },
  q8_0: { number: 8, values: 32, bytes: 34 },
  q2_k: { number: 10, values: 256, bytes: 84 },
  q3_k: { number: 11, values: 256, bytes: 110 },
  q4_k: { number: 12, values: 256, bytes: 144 },
  q5_k: { number: 13, values: 256, bytes: 176 },
  q6_k: { number: 14, values: 256, bytes: 210 },
  iq2_xxs: { number: 16, values: 256, bytes: 66 },
  iq2_xs: { number: 17, values: 256, bytes: 74 },
  iq3_xxs: { number: 18, values: 256, bytes: 98 },
  iq1_s: { number: 19, values: 256, bytes: 50 },
  iq4_nl: { number: 20, values: 32, bytes: 18 },
  iq3_s: { number: 21, values: 256, bytes: 110 },
  iq2_s: { number: 22, values: 256, bytes: 82 },
  iq4_xs: { number: 23, values: 256, bytes: 136 },
  i32: { number: 26, values: 1, bytes: 4 },
  iq1_m: { number: 29, values: 256, bytes: 56 },
  bf16: { number: 30, values: 1, bytes: 2 },
  tq1_0: { number: 34, values: 256, bytes: 54 },
  tq2_0: { number: 35, values: 256, bytes: 66 },
  mxfp4: { number: 39, values: 32, bytes: 17 },
  nvfp4: { number: 40, values: 64, bytes: 36 },
} as const;

export type GgufTensorType = keyof typeof described;

/** Types with a block of several values. */
export type BlockType = Exclude<GgufTensorType, 'f32' | 'f16' | 'bf16' | 'i32'>;

export const ggufTypes: Readonly<
  Record<GgufTensorType, { readonly number: number; readonly values: number; readonly bytes: number }>
> = described;

/** Whether a dtype of tensors is one of blocks. */
export const isBlockType = (dtype: string): dtype is BlockType =>
  Object.hasOwn(described, dtype) && ggufTypes[dtype as GgufTensorType].values > 1;

const byNumber: ReadonlyMap<number, GgufTensorType> = new Map(
  Object.entries(described).map(([type, { number }]) => [number, type as GgufTensorType]),
);

/** The type with a number of the format; undefined: none that is read here. */
export const ggufTypeOf = (number: number): GgufTensorType | undefined => byNumber.get(number);

/** Bytes of a row of `columns` values, which must be whole blocks. */
export const rowBytes = (type: GgufTensorType, columns: number): number =>
  (columns / ggufTypes[type].values) * ggufTypes[type].bytes;

export const tensorBytes = (type: GgufTensorType, shape: readonly number[]): number =>
  valuesIn(shape.slice(0, -1)) * rowBytes(type, shape.at(-1) ?? 1);
