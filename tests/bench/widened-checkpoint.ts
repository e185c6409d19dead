import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { fromFloat32, readTensor } from '../../main/checkpoint/read-tensor.ts';
import { type TensorToWrite, writeSafetensors } from '../../main/checkpoint/write-safetensors.ts';
import { bundledModel } from './shapes.ts';

/** Widening factor; its square root is a power of two, so that norms are equal to the last bit. */
const HIDDEN_TIMES = 16;
/** Width of an expert. */
const WIDTH = 1152;

const config = z.looseObject({ hidden_size: z.number(), intermediate_size: z.number(), rms_norm_eps: z.number() });

/**
 * The bundled model of 16 experts with its hidden states and experts widened by zeros to 1.02 GB in float32. It answers
 * exactly like the bundled model (a norm over 16 times as many numbers is compensated by its weight and epsilon), and
 * its products cost as much as in any model of this shape, so a threshold search on it finds real thresholds. Written
 * on first use into the folder for temporary files.
 */
export const widenedCheckpoint = async (): Promise<string> => {
  const folder = path.join(os.tmpdir(), 'uncurl-bench-widened');
  if (existsSync(path.join(folder, 'config.json'))) return folder;
  await mkdir(folder, { recursive: true });
  const original = config.parse(JSON.parse(await readFile(path.join(bundledModel, 'config.json'), 'utf8')));
  const hidden = original.hidden_size * HIDDEN_TIMES;
  const checkpoint = await openCheckpoint(bundledModel);
  const tensors: TensorToWrite[] = [];
  for (const view of checkpoint.tensors.values()) {
    const values = await readTensor(view);
    const isNorm = view.shape.length === 1;
    const isOfExpert = /\.experts\.\d+\.w\d\./.test(view.tensor);
    const widened = (size: number, axis: number): number => {
      if (isNorm) return hidden;
      // w1 and w3 are [width, hidden], w2 is [hidden, width]; square in the bundled model.
      if (isOfExpert) return (axis === 0) === view.tensor.includes('.w2.') ? hidden : WIDTH;
      const isHidden = view.tensor.includes('o_proj') ? axis === 0 : axis === 1;
      return isHidden ? hidden : size;
    };
    const shape = view.shape.map(widened);
    const [rows, columns] = isNorm ? [1, hidden] : [shape[0] ?? 0, shape[1] ?? 0];
    const width = view.shape.at(-1) ?? 0;
    const bytes = (): Uint8Array => {
      const wide = new Float32Array(rows * columns);
      for (let row = 0; row * width < values.length; row += 1)
        wide.set(values.subarray(row * width, (row + 1) * width), row * columns);
      return fromFloat32(isNorm ? wide.map((value) => value / Math.sqrt(HIDDEN_TIMES)) : wide, 'F32');
    };
    tensors.push({ name: view.tensor, dtype: 'F32', shape, byteLength: rows * columns * 4, bytes });
  }
  await writeSafetensors(path.join(folder, 'model.safetensors'), tensors, { format: 'pt' });
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(path.join(bundledModel, file), path.join(folder, file));
  const wide: Record<string, unknown> = {
    ...original,
    hidden_size: hidden,
    intermediate_size: WIDTH,
    rms_norm_eps: original.rms_norm_eps / HIDDEN_TIMES,
    torch_dtype: 'float32',
  };
  // transformers 5 refuses an integer where it expects a fraction, and JSON from here has no 0.0; 0 is the default.
  delete wide['router_jitter_noise'];
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(wide, null, 1));
  return folder;
};
