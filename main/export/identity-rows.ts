import { createHash } from 'node:crypto';
import type { MoeDescriptor, TensorView } from '../checkpoint/descriptor.ts';
import { fromFloat32, readTensor } from '../checkpoint/read-tensor.ts';
import { correctionOf, takesIdentityRows } from '../checkpoint/routing.ts';
import { tensorInMemory } from '../checkpoint/write-safetensors.ts';
import { type Overlays, overlayTensors, type SoundOverlay } from '../inference/overlays.ts';

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
  const content = JSON.stringify(['identity rows', 1, model, correction.tensor, kept]);
  const key = createHash('sha256').update(content).digest('hex').slice(0, 32);
  const write = async (): Promise<SoundOverlay> => {
    const values = await readTensor(correction);
    const stay = [...kept, ...Array.from({ length: moe.identities }, (_, at) => moe.experts + at)];
    const floats = Float32Array.from([...stay.map((row) => values[row] ?? 0), ...dropped.map(() => NEVER_CHOSEN)]);
    const bytes = fromFloat32(floats, correction.dtype);
    return overlays.write(key, [tensorInMemory('correction', correction.dtype, [floats.length], bytes)]);
  };
  const known = await overlays.read(key);
  const view = (await overlayTensors(known.isSound ? known : await write())).get('correction');
  if (view === undefined) throw new Error(`no correction of ${correction.tensor}`);
  return { dropped, correction: view };
};
