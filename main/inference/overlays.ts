import type { TensorView } from '../checkpoint/descriptor.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import type { TensorToWrite } from '../checkpoint/write-safetensors.ts';
import { present } from '../contract/errors.ts';

/** Weights that a plan puts over those of a checkpoint, in a file that was read completely and verified. */
export interface SoundOverlay {
  readonly isSound: true;
  readonly file: string;
  /** SHA-256 (hexadecimal) stated in the file. */
  readonly sha256: string;
}

/** `why`: a sentence without its full stop. */
export type Overlay = SoundOverlay | { readonly isSound: false; readonly why: string };

/**
 * Merged experts, refitted weights and constants, by a key of their inputs. They are computed from weights like any
 * result: their store watches the model's files and verifies what it reads.
 */
export interface Overlays {
  read(key: string): Promise<Overlay>;
  write(key: string, tensors: readonly TensorToWrite[]): Promise<SoundOverlay>;
}

export const overlayTensors = async ({ file }: SoundOverlay): Promise<ReadonlyMap<string, TensorView>> =>
  (await readSafetensorsHeader(file)).tensors;

/** Finds a tensor of an overlay, which is written where it is missing or damaged. */
export const writtenTensors = async (
  overlays: Overlays,
  key: string,
  make: () => Promise<readonly TensorToWrite[]>,
): Promise<(name: string) => TensorView> => {
  const known = await overlays.read(key);
  const overlay = known.isSound ? known : await overlays.write(key, await make());
  const tensors = await overlayTensors(overlay);
  return (name) => present(tensors.get(name), `${overlay.file} lacks "${name}"`);
};
