import { fromFloat32 } from '../../checkpoint/read-tensor.ts';
import { numberToHalf } from '../../checkpoint/half-precision.ts';
import { assertNever } from '../../contract/errors.ts';
import { Q8_VALUES, rowBytes, type TensorType } from './gguf-header.ts';

/** Little-endian bytes of whole rows; Q8_0 requires row lengths that are multiples of 32. */
export const encodeValues = (type: TensorType, floats: Float32Array): Uint8Array => {
  switch (type) {
    case 'f32':
      return fromFloat32(floats, 'F32');
    case 'f16':
      return fromFloat32(floats, 'F16');
    case 'bf16':
      return fromFloat32(floats, 'BF16');
    case 'q8_0':
      return quantise(floats);
    default:
      return assertNever(type);
  }
};

/**
 * Q8_0 as in ggml's reference quantiser: for each 32 values, d = max |x| / 127 in float32, stored as float16, and q = x
 * * (1 / d) rounded half away from zero, with the unrounded d.
 */
const quantise = (floats: Float32Array): Uint8Array => {
  const out = new Uint8Array(rowBytes('q8_0', floats.length));
  const view = new DataView(out.buffer);
  let offset = 0;
  for (let start = 0; start < floats.length; start += Q8_VALUES) {
    let largest = 0;
    for (let index = start; index < start + Q8_VALUES; index += 1)
      largest = Math.max(largest, Math.abs(floats[index] ?? 0));
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    view.setUint16(offset, numberToHalf(scale), true);
    for (let index = 0; index < Q8_VALUES; index += 1) {
      const value = Math.fround((floats[start + index] ?? 0) * inverse);
      view.setInt8(offset + 2 + index, Math.sign(value) * Math.floor(Math.abs(value) + 0.5));
    }
    offset += 2 + Q8_VALUES;
  }
  return out;
};
