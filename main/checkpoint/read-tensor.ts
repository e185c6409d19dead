import { refuse } from '../contract/errors.ts';
import { openToRead, readFully, whileOpen } from '../files/regular-file.ts';
import type { TensorDtype, TensorView, Weight } from './descriptor.ts';
import { dequantise } from './gguf/dequantise.ts';
import { isBlockType } from './gguf/gguf-types.ts';
import { scaleBlocks } from './gguf/scale-blocks.ts';
import { bfloatsToFloat32, float32ToBfloats, float32ToHalves, halvesToFloat32 } from './half-precision.ts';

/** A weight stored as a plain tensor. */
export const plainWeight = (view: TensorView): Weight => ({ stored: { kind: 'plain', view }, shape: view.shape });

/** A matrix that is stored as [in, out]. */
export const transposed = (stored: Weight): Weight => ({
  ...stored,
  transposed: true,
  shape: stored.shape.toReversed(),
});

/** The tensor of a plainly stored weight; null for any other. */
export const wholeView = ({ stored, select, transposed }: Weight): TensorView | null =>
  stored.kind === 'plain' && select === undefined && transposed !== true ? stored.view : null;

/** The tensor that a weight is in, of a model without quantised ones. */
export const plainView = ({ stored }: Weight): TensorView => {
  if (stored.kind !== 'plain') throw new Error(`a quantised weight was not refused: ${stored.kind}`);
  return stored.view;
};

/** The tensor of a plainly stored weight; refuses quantised, interleaved and transposed ones for `what`. */
export const requireWholeView = (weight: Weight, what: string): TensorView => {
  const view = wholeView(weight);
  if (view !== null) return view;
  throw refuse(
    'unsupported-layout',
    `${what} needs weights stored as plain matrices; "${storedName(weight)}" is quantised or interleaved.`,
    'Use a method that drops experts.',
  );
};

/** Name of the tensor on disk with the weight's values. */
export const storedName = ({ stored }: Weight): string => {
  if (stored.kind === 'split-heads') return stored.keys.tensor;
  return stored.kind === 'mxfp4' ? stored.blocks.tensor : stored.view.tensor;
};

/** The `position`-th of `parts` equal contiguous parts of a tensor. */
export const contiguousPart = (
  whole: TensorView,
  position: number,
  parts: number,
  shape: readonly number[],
): TensorView => {
  const byteLength = whole.byteLength / parts;
  return { ...whole, shape, byteLength, byteOffset: whole.byteOffset + position * byteLength };
};

/** `count` rows of a tensor from `first` on. */
export const contiguousRows = (whole: TensorView, first: number, count: number): TensorView => {
  const rowBytes = whole.byteLength / (whole.shape[0] ?? 1);
  const byteOffset = whole.byteOffset + first * rowBytes;
  return { ...whole, shape: [count, ...whole.shape.slice(1)], byteLength: count * rowBytes, byteOffset };
};

/**
 * The view's bytes as stored in the file, times its factor if it has one.
 *
 * @throws WorkbenchError failed: `model-changed` if they are not those that were hashed.
 */
export const readTensorBytes = async (view: TensorView): Promise<Uint8Array> => {
  const bytes = await storedBytes(view);
  return view.factor === undefined ? bytes : timesFactor(bytes, view.dtype, view.factor, view.tensor);
};

/** Products in float64, rounded to float32 and then to the dtype; of blocks, their scales are multiplied. */
const timesFactor = (bytes: Uint8Array, dtype: TensorDtype, factor: number, tensor: string): Uint8Array =>
  isBlockType(dtype)
    ? scaleBlocks(dtype, bytes, factor)
    : fromFloat32(
        toFloat32(bytes, dtype, tensor).map((value) => value * factor),
        dtype,
      );

const storedBytes = async (view: TensorView): Promise<Uint8Array> => {
  const bytes = new Uint8Array(view.byteLength);
  await whileOpen(openToRead(view.file), async ({ handle }) => {
    if ((await readFully(handle, bytes, view.byteOffset)).length < bytes.length)
      throw refuse(
        'truncated-file',
        `${view.file} ends inside tensor "${view.tensor}".`,
        'Fetch the file again: it is incomplete.',
      );
    await view.content?.requireSame(bytes, view.byteOffset, handle);
  });
  return bytes;
};

/** A float tensor as float32, row-major (float64 is rounded). */
export const readTensor = async (view: TensorView): Promise<Float32Array> =>
  toFloat32(await readTensorBytes(view), view.dtype, view.tensor);

/**
 * Converts little-endian bytes of a float dtype, or whole blocks, to float32. `bytes` must start at offset 0 of its
 * buffer.
 */
export const toFloat32 = (bytes: Uint8Array, dtype: TensorDtype, tensor: string): Float32Array => {
  if (isBlockType(dtype)) return dequantise(dtype, bytes);
  const { buffer, byteOffset, byteLength } = bytes;
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case 'F16':
      return halvesToFloat32(new Uint16Array(buffer, byteOffset, byteLength / 2));
    case 'BF16':
      return bfloatsToFloat32(new Uint16Array(buffer, byteOffset, byteLength / 2));
    case 'F64':
      return Float32Array.from(new Float64Array(buffer, byteOffset, byteLength / 8));
    default:
      throw refuse(
        'not-a-float',
        `tensor "${tensor}" is ${dtype}, not a floating-point tensor.`,
        'Use a checkpoint in float32, float16 or bfloat16.',
      );
  }
};

/** Converts float32 to bytes of a checkpoint's dtype, rounded to nearest even. */
export const fromFloat32 = (floats: Float32Array, dtype: TensorDtype): Uint8Array => {
  switch (dtype) {
    case 'F32':
      return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
    case 'F16':
      return new Uint8Array(float32ToHalves(floats).buffer);
    case 'BF16':
      return new Uint8Array(float32ToBfloats(floats).buffer);
    case 'F64':
      return new Uint8Array(Float64Array.from(floats).buffer);
    default:
      throw refuse(
        'not-a-float',
        `${dtype} cannot store merged weights.`,
        'Use a checkpoint in float32, float16 or bfloat16.',
      );
  }
};
