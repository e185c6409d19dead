import { createHash } from 'node:crypto';
import { present } from '../contract/errors.ts';
import type { MoeDescriptor, TensorDtype, TensorView } from '../checkpoint/descriptor.ts';
import { readTensorBytes } from '../checkpoint/read-tensor.ts';
import { type Overlays, overlayTensors, type SoundOverlay } from '../inference/overlays.ts';

/**
 * A table [V, K] of the experts of each token after pruning: in each row kept experts stay; the others, from left to
 * right, become the next kept expert (e + 1, e + 2, … around) that the row does not hold yet; then all are renumbered.
 * Errors: fewer kept experts than a row holds; an entry that is no expert.
 */
export const rewrittenTable = (
  table: BigInt64Array,
  topK: number,
  experts: number,
  kept: readonly number[],
): BigInt64Array => {
  if (kept.length < topK) throw new Error(`${String(kept.length)} experts cannot fill rows of ${String(topK)}`);
  const stranger = table.find((expert) => expert < 0n || expert >= BigInt(experts));
  if (stranger !== undefined) throw new Error(`the hash table holds ${String(stranger)}, which is no expert`);
  const numberOf = new Map(kept.map((expert, index) => [expert, index]));
  const out = new BigInt64Array(table.length);
  for (let first = 0; first < table.length; first += topK) {
    const row = Array.from(table.subarray(first, first + topK), Number);
    const held = new Set(row.filter((expert) => numberOf.has(expert)));
    row.forEach((expert, slot) => {
      let next = expert;
      if (!numberOf.has(expert)) {
        do next = (next + 1) % experts;
        while (!numberOf.has(next) || held.has(next));
        held.add(next);
      }
      out[first + slot] = BigInt(present(numberOf.get(next), 'a token whose expert is gone'));
    });
  }
  return out;
};

/** Numbers of a table of 64 bits, or of 32 as in GGUF files. */
const tableRows = ({ buffer, byteOffset, byteLength }: Uint8Array, dtype: TensorDtype): BigInt64Array =>
  dtype === 'I32'
    ? BigInt64Array.from(new Int32Array(buffer, byteOffset, byteLength / Int32Array.BYTES_PER_ELEMENT), BigInt)
    : new BigInt64Array(buffer, byteOffset, byteLength / BigInt64Array.BYTES_PER_ELEMENT);

/** The rewritten table of a layer, in an overlay that is written where it is missing or damaged. `model`: its identity. */
export const prunedTable = async (
  { experts, topK }: MoeDescriptor,
  table: TensorView,
  kept: readonly number[],
  model: string,
  overlays: Overlays,
): Promise<TensorView> => {
  const content = JSON.stringify(['hash table', 1, model, table.tensor, kept]);
  const key = createHash('sha256').update(content).digest('hex').slice(0, 32);
  const known = await overlays.read(key);
  const write = async (): Promise<SoundOverlay> => {
    const { dtype, shape } = table;
    const numbers = rewrittenTable(tableRows(await readTensorBytes(table), dtype), topK, experts, kept);
    const rewritten = new Uint8Array((dtype === 'I32' ? Int32Array.from(numbers, Number) : numbers).buffer);
    return overlays.write(key, [{ name: 'table', dtype, shape, byteLength: rewritten.length, bytes: () => rewritten }]);
  };
  const overlay = known.isSound ? known : await write();
  return present((await overlayTensors(overlay)).get('table'), `${overlay.file} lacks the table`);
};
