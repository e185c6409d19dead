import type { TensorView } from '../checkpoint/descriptor.ts';
import { readTensorBytes } from '../checkpoint/read-tensor.ts';
import { refuse } from '../contract/errors.ts';
import type { ExportedTensor } from './exported-tensors.ts';
import { chunkBuffer, tensorBytes } from './write-weights.ts';

/** Called with the bytes compared so far, at most a chunk apart; throwing stops the comparison. */
export type ByteProgress = (bytes: number) => void;

/**
 * Differences between the tensors of an export and those of the plan, one sentence per tensor: missing, extra, another
 * dtype or shape, or different bytes (with the first differing position).
 */
export const tensorProblems = async (
  expected: readonly ExportedTensor[],
  exported: ReadonlyMap<string, TensorView>,
  onBytes: ByteProgress,
): Promise<readonly string[]> => {
  const problems: string[] = [];
  const buffers = [chunkBuffer(), chunkBuffer()] as const;
  const names = new Set(expected.map(({ name }) => name));
  for (const name of exported.keys())
    if (!names.has(name)) problems.push(`tensor "${name}" does not belong in the export.`);
  for (const tensor of expected) {
    const view = exported.get(tensor.name);
    if (view === undefined) {
      problems.push(`tensor "${tensor.name}" is missing.`);
    } else if (view.dtype !== tensor.dtype || String(view.shape) !== String(tensor.shape)) {
      problems.push(
        `tensor "${tensor.name}" is ${view.dtype} [${view.shape.join(', ')}] instead of ${tensor.dtype} ` +
          `[${tensor.shape.join(', ')}].`,
      );
    } else if (tensor.made !== undefined) {
      const [wanted, is] = [await tensor.made(), await readTensorBytes(view)];
      onBytes(is.length);
      if (Buffer.compare(wanted, is) !== 0) {
        const byte = is.findIndex((value, index) => value !== wanted[index]);
        problems.push(
          `tensor "${tensor.name}" is not what the plan makes of the source: byte ${String(byte)} of ` +
            `${String(tensor.byteLength)} differs.`,
        );
      }
    } else {
      const difference = await firstDifference(tensor, view, buffers, onBytes);
      if (difference !== null) problems.push(`tensor "${tensor.name}" ${difference}.`);
    }
  }
  return problems;
};

/** Describes the first piece and byte in which a tensor differs; null: they are equal. */
const firstDifference = async (
  tensor: ExportedTensor,
  view: TensorView,
  [sourceBuffer, exportBuffer]: readonly [Uint8Array, Uint8Array],
  onBytes: ByteProgress,
): Promise<string | null> => {
  let start = 0;
  for (const [row, { view: source, what }] of tensor.pieces.entries()) {
    const part = { ...view, byteOffset: view.byteOffset + start, byteLength: source.byteLength };
    const wanted = tensorBytes([{ view: source, what }], sourceBuffer);
    let position = start;
    try {
      for await (const is of tensorBytes([{ view: part, what }], exportBuffer)) {
        const next = await wanted.next();
        if (next.done === true) throw shorter(source);
        if (Buffer.compare(is, next.value) !== 0) {
          const byte = position + is.findIndex((value, index) => value !== next.value[index]);
          const where = tensor.pieces.length > 1 ? ` (part ${String(row + 1)} of ${String(tensor.pieces.length)})` : '';
          return `is not ${what}: byte ${String(byte)} of ${String(tensor.byteLength)} differs${where}`;
        }
        position += is.length;
        onBytes(is.length);
      }
    } finally {
      await wanted.return();
    }
    start += source.byteLength;
  }
  return null;
};

const shorter = (source: TensorView): Error =>
  refuse(
    'truncated-file',
    `${source.file} ends inside tensor "${source.tensor}".`,
    'Fetch the file again: it changed after it was opened.',
  );
