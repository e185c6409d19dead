import { readdirSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { ModelInfo } from '../../../main/contract/model.ts';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { outlineCheckpoint } from '../../../main/checkpoint/outline-checkpoint.ts';
import { runsInTorch, runsWithin } from '../../../main/words/memory.ts';
import { readPublishedModels } from '../../structure/published-models.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { checkpointFixture } from './checkpoint-files.ts';

const fixtures = readdirSync(path.dirname(checkpointFixture('mixtral')), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

const shared = ({ reasons: _reasons, sizeBytes: _bytes, unusedBytes: _unused, ...rest }: ModelInfo) => rest;

/** A folder with a fixture's config and perhaps an index of its tensors, and no weights. */
const withoutWeights = async (name: string, withIndex: boolean): Promise<string> => {
  const source = await openCheckpoint(checkpointFixture(name));
  const folder = path.join(await temporaryFolder(), name);
  await mkdir(folder);
  await cp(path.join(source.folder, 'config.json'), path.join(folder, 'config.json'));
  const weightMap = Object.fromEntries([...source.tensors.keys()].map((tensor) => [tensor, 'model-00001.safetensors']));
  const index = { metadata: { total_size: 12_345 }, weight_map: weightMap };
  if (withIndex) await writeFile(path.join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  return folder;
};

it.each(fixtures)('config and index of %s say the same as its weights', async (name) => {
  const { info } = await openCheckpoint(checkpointFixture(name));
  for (const withIndex of [true, false]) {
    const outline = (await outlineCheckpoint(await withoutWeights(name, withIndex))).info;
    expect(shared(outline)).toEqual({ ...shared(info), chatTemplate: undefined, weightTypes: undefined });
    if (withIndex) expect(outline.sizeBytes).toBe(12_345);
    expect(outline.reasons[0]).toMatch(/^The weights are not here: everything is from config\.json/);
  }
});

it('refuses an index without a tensor that the family needs, or with one that it does not know', async () => {
  const folder = await withoutWeights('mixtral', true);
  const file = path.join(folder, 'model.safetensors.index.json');
  const names = [...(await openCheckpoint(checkpointFixture('mixtral'))).tensors.keys()];
  const write = (tensors: readonly string[]): Promise<void> =>
    writeFile(file, JSON.stringify({ weight_map: Object.fromEntries(tensors.map((tensor) => [tensor, 'a'])) }));
  await write(names.filter((name) => name !== 'model.norm.weight'));
  await expect(outlineCheckpoint(folder)).rejects.toMatchObject({ code: 'missing-tensor' });
  await write([...names, 'adapter.weight']);
  await expect(outlineCheckpoint(folder)).rejects.toMatchObject({ code: 'unknown-tensor' });
});

it('counts the parameters that publishers state, from configs alone, and memory beside their weights', async () => {
  for (const { model, publishedBillions, info } of await readPublishedModels()) {
    expect(Math.abs(info.parameters.total / 1e9 / publishedBillions - 1), model).toBeLessThan(0.04);
    const beside = info.memory.resident / (4 * info.parameters.total);
    expect(beside, model).toBeGreaterThan(1);
    if (process.platform === 'linux') expect(beside, model).toBeLessThan(1.6);
    expect(info.memory.streaming, model).toBeLessThan(info.memory.resident);
  }
});

it('says which way a model runs within a budget, in which precision, and why', () => {
  const float16 = { resident: 20e9, streaming: 3e9 };
  const torch = { float32: 40e9, half: 20e9 };
  const info = { dtype: 'bfloat16', memory: { resident: 40e9, streaming: 5e9, float16, torch } };
  expect(runsWithin(info, 41e9)).toMatch(/^resident, in float32 \(stored as bfloat16; .*40.GB of a budget of 41.GB$/);
  expect(runsWithin(info, 6e9)).toMatch(/^one block at a time, in float32 .*40.GB, .*5.GB, and the budget is 6.GB$/);
  expect(runsWithin(info, 1e9)).toMatch(/^not here: .*5.GB in float32 .*, and the budget is 1.GB$/);
  expect(runsWithin(info, 21e9, 'float16')).toMatch(/^resident, in float16 \(stored as bfloat16; .*20.GB of a budget/);
  expect(runsWithin({ ...info, dtype: 'float16' }, 2e9, 'float16')).toMatch(/^not here: .*3.GB in float16, and the/);
  const words = (precision: string, provider: string, budget: number): string =>
    runsInTorch(info, { provider, precision }, budget);
  expect(words('bfloat16', 'cpu', 21e9)).toMatch(/^in PyTorch, in bfloat16: it takes 20\.8.GB of a budget of 21.GB$/);
  expect(words('float32', 'cpu', 40e9)).toMatch(
    /^not here: in PyTorch it takes 40\.8.GB in float32, and the budget is/,
  );
  const streamed = { float32: 5e9, half: 3e9 };
  const memory = { ...info.memory, torch: { ...torch, streamed, pass: streamed } };
  expect(runsInTorch({ memory }, { provider: 'cpu', precision: 'float32' }, 6e9)).toMatch(
    /^in PyTorch, block by block, in float32: as a whole it would take 40\.8.GB, with few blocks it takes 5\.6.GB, and/,
  );
  // Only the engine knows how much memory a card has free.
  expect(words('float32', 'cuda:0', 1e9)).toMatch(/^in PyTorch, in float32: it takes 40.GB of what cuda:0 has free$/);
});
