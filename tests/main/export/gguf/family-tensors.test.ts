import { describe, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../../../main/checkpoint/read-tensor.ts';
import { familyConfig, familyTensors } from '../../../../main/export/gguf/family-tensors.ts';
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
  ['dbrx', 0],
  ['mistral4', 0],
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

const opened = async (name: string): Promise<Checkpoint> => {
  const model = provenModels.find((each) => each.name === name) ?? expect.fail(`no ${name}`);
  return openCheckpoint(await ggufOf(await model.make(), 'f32'));
};

describe('the config of a file, with the keys of its class', () => {
  test('of DBRX, which has objects for attention and experts', async () => {
    expect(familyConfig(await opened('dbrx that clamps'))).toMatchObject({
      d_model: 32,
      n_heads: 4,
      attn_config: { clip_qkv: 0.5, kv_n_heads: 2, rope_theta: 500_000 },
      ffn_config: { ffn_act_fn: { name: 'silu' }, ffn_hidden_size: 12, moe_num_experts: 8, moe_top_k: 2 },
    });
  });

  test('of Jamba, which has attention in one of so many layers, or is refused', async () => {
    const file = await opened('jamba');
    const config = familyConfig(file);
    expect(config).toMatchObject({ attn_layer_period: 7, attn_layer_offset: 4 });
    expect(config).not.toHaveProperty('layer_types');
    const { blocks } = file.descriptor;
    const withAttention = (layers: readonly number[]): Checkpoint => ({
      ...file,
      descriptor: {
        ...file.descriptor,
        blocks: blocks.map((block, layer) => ({
          ...block,
          attention: layers.includes(layer) ? (blocks[4]?.attention ?? expect.fail('no attention')) : null,
        })),
      },
    });
    expect(familyConfig(withAttention([1, 3, 5]))).toMatchObject({ attn_layer_period: 2, attn_layer_offset: 1 });
    expect(() => familyConfig(withAttention([1, 2, 4]))).toThrow(
      'model has attention in layers 1, 2, 4, and its class',
    );
  });
});
