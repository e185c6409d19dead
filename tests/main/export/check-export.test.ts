import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import type { ExportFormat } from '../../../main/contract/export.ts';
import { checkExport, servingNotes } from '../../../main/export/check-export.ts';
import { checkpointFixture } from '../checkpoint/checkpoint-files.ts';
import { llamaModel } from './gguf/llama-models.ts';

const keeping = async (folder: string, kept: readonly number[]) => {
  const checkpoint = await openCheckpoint(folder);
  return { checkpoint, plan: { kept: checkpoint.descriptor.moeLayers.map(() => [...kept]) } };
};

test('gives serving constraints for the formats that servers open, and none for others', async () => {
  const { checkpoint, plan } = await keeping(await llamaModel('mixtral'), [0, 1, 2]);
  const { refusal, notes } = await checkExport(checkpoint, plan, 'hf');
  expect(refusal).toBe(null);
  expect(notes.join(' ')).toContain('4 instead of 3 would split evenly');
  expect(await checkExport(checkpoint, plan, 'onnx')).toEqual({ refusal: null, notes: [] });
  expect(await checkExport(checkpoint, plan, 'gguf')).toEqual({ refusal: null, notes: [] });
});

test('refuses a GGUF file that llama.cpp would compute differently, or without a tokenizer', async () => {
  const window = await keeping(await llamaModel('mixtral-window'), [0, 1, 2]);
  const { refusal } = await checkExport(window.checkpoint, window.plan, 'gguf');
  expect(refusal?.message).toMatch(/sliding window of 5/);
  expect(refusal?.remedy).toMatch(/hf or onnx/);
  const bare = await keeping(checkpointFixture('mixtral'), [0, 1, 2]);
  expect((await checkExport(bare.checkpoint, bare.plan, 'gguf')).refusal?.message).toMatch(/no tokenizer\.json/);
});

test('says of a folder whose family was not tried in vLLM that it was not', async () => {
  const { checkpoint, plan } = await keeping(checkpointFixture('mixtral'), [0, 1, 2]);
  const untried = 'Exports of the family other were not tried in vLLM.';
  const other = { info: { ...checkpoint.info, family: 'other' } };
  const said = (of: typeof other, format: 'hf' | 'onnx'): string => servingNotes(of, plan, format).join(' ');
  expect(said(checkpoint, 'hf')).not.toContain('vLLM.');
  expect(said(other, 'hf')).toContain(untried);
  expect(said(other, 'onnx')).toBe('');
});

test('constants in place of experts are exported as hf alone', async () => {
  const { checkpoint, plan } = await keeping(await llamaModel('mixtral'), [0, 1, 2]);
  const constant = { ...plan, constants: { weights: '0'.repeat(32) } };
  const refusalOf = async (format: 'hf' | 'onnx' | 'gguf') =>
    (await checkExport(checkpoint, constant, format)).refusal?.message;
  expect(await refusalOf('hf')).toBeUndefined();
  for (const format of ['onnx', 'gguf'] as const)
    expect(await refusalOf(format)).toBe(`The plan puts constants in place of experts, which ${format} cannot store.`);
  // The card says under "Loading it" what opens it; the window, which shows no card, says so among the notes.
  expect(servingNotes(checkpoint, constant, 'hf').join(' ')).not.toContain('constants');
  expect((await checkExport(checkpoint, constant, 'hf')).notes.join(' ')).toContain('vLLM reads constants');
});

test('refuses plans that cannot be exported', async () => {
  const { checkpoint, plan } = await keeping(checkpointFixture('mixtral'), [0, 1, 2]);
  const whole = { kept: plan.kept.map(() => [0, 1, 2, 3, 4, 5, 6, 7]) };
  expect((await checkExport(checkpoint, whole, 'hf')).refusal?.message).toMatch(/would be a copy/);
});

test('a plan that keeps every expert may change the format, and is no copy', async () => {
  const { checkpoint, plan } = await keeping(await llamaModel('mixtral'), [0, 1, 2]);
  const whole = { kept: plan.kept.map(() => Array.from({ length: checkpoint.info.experts }, (_, expert) => expert)) };
  const refusalOf = async (format: ExportFormat) => (await checkExport(checkpoint, whole, format)).refusal?.message;
  expect(await refusalOf('hf')).toMatch(/would be a copy/);
  for (const format of ['onnx', 'hf,onnx', 'gguf'] as const) expect(await refusalOf(format), format).toBeUndefined();
});
