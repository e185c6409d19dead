import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeSafetensors, type TensorToWrite } from '../checkpoint/write-safetensors.ts';

/** Writes weights that stand in for a model's own, under a temporary name first: two engines may write the same at once. */
export const writeOverlay = async (file: string, tensors: readonly TensorToWrite[]): Promise<void> => {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${String(process.pid)}-${String(Date.now())}.part`;
  try {
    await writeSafetensors(temporary, tensors);
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
};
