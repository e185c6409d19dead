import { createHash } from 'node:crypto';
import type { MoeDescriptor, TensorDtype, TensorView } from '../checkpoint/descriptor.ts';
import { fromFloat32, readTensor, readTensorBytes } from '../checkpoint/read-tensor.ts';
import { correctionOf, takesIdentityRows } from '../checkpoint/routing.ts';
import { tensorInMemory } from '../checkpoint/write-safetensors.ts';
import { present } from '../contract/errors.ts';
import { type Overlays, writtenTensors } from '../inference/overlays.ts';

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

/** Key of a tensor that takes the place of another one of a model. */
const keyOf = (...content: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);

/** The rewritten table of a layer, in an overlay. `model`: its identity. */
export const prunedTable = async (
  { experts, topK }: MoeDescriptor,
  table: TensorView,
  kept: readonly number[],
  model: string,
  overlays: Overlays,
): Promise<TensorView> => {
  const tensor = await writtenTensors(overlays, keyOf('hash table', 1, model, table.tensor, kept), async () => {
    const { dtype, shape } = table;
    const numbers = rewrittenTable(tableRows(await readTensorBytes(table), dtype), topK, experts, kept);
    const rewritten = new Uint8Array((dtype === 'I32' ? Int32Array.from(numbers, Number) : numbers).buffer);
    return [tensorInMemory('table', dtype, shape, rewritten)];
  });
  return tensor('table');
};

/** Experts whose rows of the router stay as those of experts that give back their input, and its correction. */
export interface IdentityRows {
  readonly dropped: readonly number[];
  readonly correction: TensorView;
}

/** Far below every corrected score: a row with it is never chosen. */
const NEVER_CHOSEN = -1e9;

/**
 * The experts of a layer whose rows of the router stay as those of experts that give back their input, and the router's
 * correction: that of the kept rows, of those of identities, and one for the others with which they are never chosen.
 * `model`: its identity. Null where the layer takes no such rows.
 */
export const identityRowsOf = async (
  moe: MoeDescriptor,
  kept: readonly number[],
  model: string,
  overlays: Overlays,
): Promise<IdentityRows | null> => {
  const correction = correctionOf(moe.routing);
  if (correction === null || !takesIdentityRows(moe)) return null;
  const dropped = moe.expertTensors.map((_, expert) => expert).filter((expert) => !kept.includes(expert));
  const key = keyOf('identity rows', 1, model, correction.tensor, kept);
  const tensor = await writtenTensors(overlays, key, async () => {
    const values = await readTensor(correction);
    const stay = [...kept, ...Array.from({ length: moe.identities }, (_, at) => moe.experts + at)];
    const floats = Float32Array.from([...stay.map((row) => values[row] ?? 0), ...dropped.map(() => NEVER_CHOSEN)]);
    const bytes = fromFloat32(floats, correction.dtype);
    return [tensorInMemory('correction', correction.dtype, [floats.length], bytes)];
  });
  return { dropped, correction: tensor('correction') };
};
