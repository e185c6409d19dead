import { writeSafetensors, type TensorToWrite } from '../checkpoint/write-safetensors.ts';
import { produceFileAtomically } from './write-atomically.ts';

/** Writes a safetensors file whole or not at all: two engines may write the same one at once. */
export const writeSafetensorsFile = (file: string, tensors: readonly TensorToWrite[]): Promise<void> =>
  produceFileAtomically(file, async (temporary) => {
    await writeSafetensors(temporary, tensors);
  });
