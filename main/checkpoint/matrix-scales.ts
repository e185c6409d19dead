import { refuse } from '../contract/errors.ts';
import type { TensorView } from './descriptor.ts';
import { fromFloat32, readTensorBytes, toFloat32 } from './read-tensor.ts';

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
