import { stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import type { RoundedType } from '../../../main/contract/export.ts';
import { exportBytes, exportTypes } from '../../../main/export/export-bytes.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { wholePlan } from '../../../main/export/rounded-folder.ts';
import { exportSettingsIn } from '../../open-model-runner.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const model = path.join(import.meta.dirname, '../../../resources/models/uncurl-8');

test.each<[format: 'hf' | 'gguf' | 'onnx', type: RoundedType | null, file: string, keep: number]>([
  ['hf', null, 'model.safetensors', 5],
  ['hf', 'int4', 'model.safetensors', 3],
  ['gguf', 'q5_0', 'model.gguf', 6],
  // An export of another type may keep every expert.
  ['gguf', 'q8_0', 'model.gguf', 8],
  ['onnx', null, 'model.onnx.data', 4],
])('the bytes of a %s export as %s are known before it is written', async (format, type, file, keep) => {
  const checkpoint = await openCheckpoint(model);
  const plan = { kept: wholePlan(checkpoint).kept.map((layer) => layer.slice(0, keep)) };
  const folder = await temporaryFolder();
  const settings = exportSettingsIn(folder);
  const bytes = await exportBytes(checkpoint, plan, format, type, settings.overlays);
  const destination = path.join(folder, 'exported');
  const control = { signal: new AbortController().signal };
  const request = {
    checkpoint,
    plan,
    destination,
    settings,
    control,
    format,
    ...exportTypes(checkpoint, format, type),
  };
  expect((await exportPlan(request)).verification.problems).toEqual([]);
  expect((await stat(path.join(destination, file))).size).toBe(bytes);
});
