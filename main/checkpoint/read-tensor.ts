import { open } from 'node:fs/promises';
import { refuse } from '../contract/errors.ts';
import type { TensorDtype, TensorView } from './descriptor.ts';
import { bfloatsToFloat32, float32ToBfloats, float32ToHalves, halvesToFloat32 } from './half-precision.ts';

/** One read call moves at most this much: Node refuses reads of 2 GiB and more. */
const MAX_READ_BYTES = 1 << 30;

/** The view's bytes as they stand in the file. */
export const readTensorBytes = async (view: TensorView): Promise<Uint8Array> => {
  const bytes = new Uint8Array(view.byteLength);
  const handle = await open(view.file, 'r');
  try {
    let done = 0;
    while (done < bytes.length) {
      const length = Math.min(MAX_READ_BYTES, bytes.length - done);
      const { bytesRead } = await handle.read(bytes, done, length, view.byteOffset + done);
      if (bytesRead === 0) {
        throw refuse('truncated-file', `${view.file} ends inside tensor "${view.tensor}".`, 'Fetch the file again: it is incomplete.');
      }
      done += bytesRead;
    }
  } finally {
    await handle.close();
  }
  return bytes;
};

/** A float tensor as float32, row-major (float64 is rounded). */
export const readTensor = async (view: TensorView): Promise<Float32Array> =>
  toFloat32(await readTensorBytes(view), view.dtype, view.tensor);

/** Little-endian bytes of a float dtype -> float32. `bytes` must start a buffer of its own. */
export const toFloat32 = (bytes: Uint8Array, dtype: TensorDtype, tensor: string): Float32Array => {
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
      throw refuse('not-a-float', `tensor "${tensor}" is ${dtype}, not a floating-point tensor.`, 'Use a checkpoint in float32, float16 or bfloat16.');
  }
};

/** float32 -> bytes of a checkpoint's dtype, rounded to nearest even. */
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
      throw refuse('not-a-float', `${dtype} cannot hold merged weights.`, 'Use a checkpoint in float32, float16 or bfloat16.');
  }
};
