import { valuesIn } from '../../arithmetic/vectors.ts';
import { present } from '../../contract/errors.ts';
import type { TensorView, Weight } from '../../checkpoint/descriptor.ts';
import { plainView, readTensorBytes, toFloat32 } from '../../checkpoint/read-tensor.ts';
import { isBlockType } from '../../checkpoint/gguf/gguf-types.ts';
import type { GgufType } from '../../contract/export.ts';
import type { ExportedTensor } from '../exported-tensors.ts';
import { encodeValues, plainDtypes, roundValues } from './encode-values.ts';
import type { GgufPiece, GgufTensor } from './model-tensors.ts';

/** Bytes of float32 converted at a time: cancels take effect soon, and memory does not grow with the model. */
const CHUNK_BYTES = 8 * 2 ** 20;

/** Parts of `step` rows each; by default as many as make about a chunk of float32 values. */
export const inRows = (
  view: TensorView,
  step = Math.max(1, Math.floor(CHUNK_BYTES / (4 * (view.shape.at(-1) ?? 1)))),
): readonly TensorView[] => {
  const rows = valuesIn(view.shape.slice(0, -1));
  const rowBytes = view.byteLength / rows;
  return Array.from({ length: Math.ceil(rows / step) }, (_, part) => ({
    ...view,
    byteOffset: view.byteOffset + part * step * rowBytes,
    byteLength: Math.min(step, rows - part * step) * rowBytes,
  }));
};

/** Reads tensors of an export before it is written, from their pieces in the source and in merged weights. */
export type ReadView = (view: TensorView) => Promise<Uint8Array>;

/** Views of an export's tensors by name, as if each were alone in a file; `readPieces` reads them. */
export const virtualViews = (tensors: readonly ExportedTensor[]): ReadonlyMap<string, TensorView> =>
  new Map(
    tensors.map(({ name, dtype, shape, byteLength }) => [
      name,
      { tensor: name, file: name, dtype, shape, byteOffset: 0, byteLength },
    ]),
  );

export const readPieces = (tensors: readonly ExportedTensor[]): ReadView => {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return async (view) => {
    const tensor = present(byName.get(view.tensor), `no tensor ${view.tensor}`);
    const out = new Uint8Array(view.byteLength);
    let start = 0;
    for (const { view: piece } of tensor.pieces) {
      const from = Math.max(view.byteOffset, start);
      const to = Math.min(view.byteOffset + view.byteLength, start + piece.byteLength);
      if (from < to) {
        const part = { ...piece, byteOffset: piece.byteOffset + from - start, byteLength: to - from };
        out.set(await readTensorBytes(part), from - view.byteOffset);
      }
      start += piece.byteLength;
    }
    return out;
  };
};

/** The bytes of a tensor in its GGUF type, in chunks of whole rows. */
export async function* ggufBytes(tensor: GgufTensor, read: ReadView): AsyncGenerator<Uint8Array, void, undefined> {
  if (tensor.values !== undefined) yield encodeValues('f32', Float32Array.from(tensor.values));
  for (const piece of tensor.pieces)
    yield* tensor.type === 'i32' ? wholeNumbers(piece, read) : pieceBytes(piece, tensor.type, read);
}

/** A table of 64-bit numbers, in 32 bits. */
async function* wholeNumbers(
  { weight: { stored } }: GgufPiece,
  read: ReadView,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (stored.kind !== 'plain' || stored.view.dtype !== 'I64') throw new Error('a table of other numbers');
  for (const part of inRows(stored.view)) {
    const bytes = await read(part);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const numbers = Int32Array.from({ length: bytes.byteLength / 8 }, (_, at) =>
      Number(view.getBigInt64(8 * at, true)),
    );
    yield new Uint8Array(numbers.buffer);
  }
}

async function* pieceBytes(
  { weight, headRows, columns: order, stores }: GgufPiece,
  type: GgufType,
  read: ReadView,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { select, transposed } = weight;
  const view = plainView(weight);
  if (select !== undefined || transposed === true || order !== undefined) {
    yield encodeValues(type, reordered({ weight, columns: order }, await valuesOf(view, read)));
    return;
  }
  const columns = view.shape.at(-1) ?? 1;
  for (const part of inRows(view, headRows ?? undefined)) {
    if (stores !== undefined) yield encodeValues(type, (await valuesOf(part, read)).map(storedValue[stores]));
    else if (headRows !== null) yield encodeValues(type, pairedRows(await valuesOf(part, read), columns));
    else if (!isBlockType(type) && plainDtypes[type] === view.dtype) yield await read(part);
    else yield encodeValues(type, await valuesOf(part, read));
  }
}

const storedValue: Readonly<Record<NonNullable<GgufPiece['stores']>, (value: number) => number>> = {
  exponential: Math.exp,
  'minus-exponential': (value) => -Math.exp(value),
  'plus-one': (value) => value + 1,
};

const valuesOf = async (view: TensorView, read: ReadView): Promise<Float32Array> =>
  toFloat32(await read(view), view.dtype, view.tensor);

const readValue: Readonly<Record<NonNullable<GgufPiece['stores']>, (value: number) => number>> = {
  exponential: Math.log,
  'minus-exponential': (value) => Math.log(-value),
  'plus-one': (value) => value - 1,
};

/**
 * Puts the values of a piece, as a file has them, where its weight has them within the whole values of its stored
 * tensor: the inverse of what writing a piece does.
 */
export const placeValues = (
  { weight, headRows, columns, stores }: GgufPiece,
  values: Float32Array,
  stored: Float32Array,
): void => {
  if (weight.select !== undefined || weight.transposed === true || columns !== undefined) {
    const at = storedIndices({ weight, columns });
    for (let index = 0; index < values.length; index += 1) stored[at[index] ?? 0] = values[index] ?? 0;
  } else if (stores !== undefined) stored.set(values.map(readValue[stores]));
  else if (headRows === null) stored.set(values);
  else {
    const columns = weight.shape.at(-1) ?? 1;
    const head = headRows * columns;
    for (let start = 0; start < values.length; start += head)
      stored.set(halvedRows(values.subarray(start, start + head), columns), start);
  }
};

/** A part of a weight's columns in another order. */
type Part = { readonly weight: Weight; readonly columns?: readonly number[] | undefined };

/** Every second row or column of a matrix, or half of them, its transpose, or both, in the weight's own shape. */
const reordered = (part: Part, floats: Float32Array): Float32Array => {
  const from = storedIndices(part);
  const out = new Float32Array(from.length);
  for (let index = 0; index < out.length; index += 1) out[index] = floats[from[index] ?? 0] ?? 0;
  return out;
};

/** For each value of a weight, row by row in its own shape, its index in the stored tensor. */
const storedIndices = ({ weight: { stored, select, transposed, shape }, columns: order }: Part): Float64Array => {
  const width = stored.kind === 'plain' ? (stored.view.shape.at(-1) ?? 1) : 1;
  const lengths = stored.kind === 'plain' ? stored.view.shape : [];
  const step = (axis: number): number => (select?.axis === axis && select.half !== true ? 2 : 1);
  const start = (axis: number): number => {
    if (select?.axis !== axis) return 0;
    return select.half === true ? (select.start * (lengths[axis] ?? 0)) / 2 : select.start;
  };
  if (shape.length === 1) return Float64Array.from({ length: shape[0] ?? 0 }, (_, index) => start(0) + 2 * index);
  const [rows = 0, columns = 0] = shape;
  const out = new Float64Array(rows * columns);
  const rotated = transposed === true;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const from = order?.[column] ?? column;
      const [storedRow, storedColumn] = rotated ? [from, row] : [row, from];
      out[row * columns + column] = (start(0) + step(0) * storedRow) * width + start(1) + step(1) * storedColumn;
    }
  }
  return out;
};

/**
 * Rounds the values of a weight, within the whole values of its stored tensor, as the file stores them in `type`. Rows
 * that the file reorders are rounded one by one all the same.
 */
export const roundWithin = (part: Part, type: GgufType, stored: Float32Array): void => {
  const { weight, columns } = part;
  if (weight.select === undefined && weight.transposed !== true && columns === undefined) {
    stored.set(roundValues(type, stored));
    return;
  }
  const at = storedIndices(part);
  const rounded = roundValues(type, reordered(part, stored));
  for (let index = 0; index < rounded.length; index += 1) stored[at[index] ?? 0] = rounded[index] ?? 0;
};

/** Reorders a head's rows [first half, second half] into pairs: row i of the first half, row i of the second, ... */
const pairedRows = (floats: Float32Array, columns: number): Float32Array => {
  const half = floats.length / columns / 2;
  const out = new Float32Array(floats.length);
  for (let pair = 0; pair < half; pair += 1) {
    const [first, second] = [pair, half + pair].map((row) => floats.subarray(row * columns, (row + 1) * columns));
    if (first === undefined || second === undefined) continue;
    out.set(first, 2 * pair * columns);
    out.set(second, (2 * pair + 1) * columns);
  }
  return out;
};

/** Reorders a head's rows from pairs to halves, as they were before `pairedRows`. */
const halvedRows = (floats: Float32Array, columns: number): Float32Array => {
  const half = floats.length / columns / 2;
  const out = new Float32Array(floats.length);
  for (let row = 0; row < 2 * half; row += 1) {
    const from = row < half ? 2 * row : 2 * (row - half) + 1;
    out.set(floats.subarray(from * columns, (from + 1) * columns), row * columns);
  }
  return out;
};
