import { present } from '../../contract/errors.ts';
import { float32ToHalves, halfOf } from '../half-precision.ts';
import { type BlockType, ggufTypes } from './gguf-types.ts';

/**
 * Positions of a block's scales in float16 (d, and that of its least values); null: its scale is a power of two, has a
 * few bits only or is spread over the block, and holds no other factor. Layouts are those of ggml-common.h.
 */
const scalesOf: Readonly<Record<BlockType, readonly number[] | null>> = {
  q4_0: [0],
  q4_1: [0, 2],
  q5_0: [0],
  q5_1: [0, 2],
  q8_0: [0],
  q2_k: [80, 82],
  q3_k: [108],
  q4_k: [0, 2],
  q5_k: [0, 2],
  q6_k: [208],
  iq2_xxs: [0],
  iq2_xs: [0],
  iq2_s: [0],
  iq3_xxs: [0],
  iq3_s: [0],
  iq1_s: [0],
  iq1_m: null,
  iq4_nl: [0],
  iq4_xs: [0],
  tq1_0: [52],
  tq2_0: [64],
  mxfp4: null,
  nvfp4: null,
};

/** Whether blocks of a type hold their values times any factor, with the same codes. */
export const takesFactor = (type: BlockType): boolean => scalesOf[type] !== null;

/** Whole blocks with their scales times a factor, in place. */
export const scaleBlocks = (type: BlockType, bytes: Uint8Array, factor: number): Uint8Array => {
  const places = present(scalesOf[type], `blocks of ${type} hold no factor`);
  const { bytes: size } = ggufTypes[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const scaled = new Float32Array(1);
  for (let block = 0; block < bytes.length; block += size)
    for (const place of places) {
      scaled[0] = halfOf(view.getUint16(block + place, true)) * factor;
      view.setUint16(block + place, float32ToHalves(scaled)[0] ?? 0, true);
    }
  return bytes;
};
