import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../../../main/checkpoint/read-tensor.ts';
import { familyTensors } from '../../../../main/export/gguf/family-tensors.ts';
import { ggufOf, provenModels } from './llama-models.ts';

/** Largest difference of values of a file from those that it was written of. */
const difference = (values: ArrayLike<number>, source: ArrayLike<number>): number => {
  expect(values.length).toBe(source.length);
  let most = 0;
  for (let at = 0; at < source.length; at += 1)
    most = Math.max(most, Math.abs((values[at] ?? NaN) - (source[at] ?? NaN)));
  return most;
};

/** Bounds where files have functions of values: logarithms of powers of e, and what rounding leaves of x + 1 - 1. */
const cases = [
  ['mixtral', 0],
  ['qwen3_moe', 0],
  ['deepseek_v3', 0],
  ['glm4_moe', 0],
  ['gpt_oss-bf16', 0],
  ['nemotron_h', 1e-6],
  ['qwen3_next with values as wide as keys', 1e-6],
] as const;

describe('a GGUF file has the tensors of the folder that it was written of', () => {
  test.each(cases)('%s', async (name, bound) => {
    const model = provenModels.find((each) => each.name === name) ?? expect.fail(`no ${name}`);
    const folder = await model.make();
    const source = await openCheckpoint(folder);
    const tensors = familyTensors(await openCheckpoint(await ggufOf(folder, 'f32')));
    expect([...tensors.keys()].sort()).toEqual([...source.tensors.keys()].sort());
    for (const [each, { shape, values }] of tensors) {
      const view = source.tensors.get(each) ?? expect.fail(each);
      expect([each, shape]).toEqual([each, view.shape]);
      const most = difference(await values(), await readTensor(view));
      expect([each, most <= bound]).toEqual([each, true]);
    }
  });
});

test('a file with tensors in an older form is refused by the name of the one that is missing', async () => {
  const model = provenModels.find((each) => each.name === 'deepseek_v3') ?? expect.fail('no deepseek_v3');
  const file = await openCheckpoint(await ggufOf(await model.make(), 'f32'));
  const tensors = new Map([...file.tensors].filter(([name]) => name !== 'blk.0.attn_k_b.weight'));
  expect(() => familyTensors({ ...file, tensors })).toThrow(
    'model has no tensor "blk.0.attn_k_b.weight": it was written in an older form.',
  );
});
