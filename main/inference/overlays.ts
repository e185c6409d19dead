import { readSafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import type { TensorView } from '../checkpoint/descriptor.ts';
import type { TensorToWrite } from '../checkpoint/write-safetensors.ts';

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
