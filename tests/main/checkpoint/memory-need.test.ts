import { expect, it } from 'vitest';
import { familyOfConfig } from '../../../main/checkpoint/open-checkpoint.ts';
import { outlineModel } from '../../../main/checkpoint/outline-checkpoint.ts';
import { allocationEnvironment, withAllocation, withoutAllocation } from '../../../main/contract/allocation.ts';
import type { ModelInfo } from '../../../main/contract/model.ts';

const infoOf = (dtype: string, change: object, environment = {}): ModelInfo => {
  const config = {
    model_type: 'mixtral',
    hidden_size: 1024,
    intermediate_size: 512,
    num_hidden_layers: 3,
    num_attention_heads: 8,
    num_key_value_heads: 8,
    num_local_experts: 64,
    num_experts_per_tok: 8,
    vocab_size: 512,
    max_position_embeddings: 1024,
    torch_dtype: dtype,
    ...change,
  };
  return outlineModel(familyOfConfig(config, 'a'), config, 'a', null, environment);
};
const isLinux = process.platform === 'linux';

it('counts what opening leaves behind: nothing of float32, nor of others where matrices are mapped alone', () => {
  const [exact, half] = [infoOf('float32', {}), infoOf('bfloat16', {})];
  const weights = 4 * exact.parameters.total;
  const blocks = weights - 4 * 512 * 1024 * 2 - 4 * 1024;
  expect(half.memory.resident - exact.memory.resident).toBe(blocks);
  expect(half.memory.streaming - exact.memory.streaming).toBe(blocks / 3);
  const { float16: _, ...inFloat32 } = isLinux ? exact.memory : half.memory;
  expect(infoOf('bfloat16', {}, allocationEnvironment).memory).toMatchObject(inFloat32);
  // Matrices of 64 KB are too small to be mapped alone.
  const narrow = { hidden_size: 256, intermediate_size: 64 };
  expect(infoOf('bfloat16', narrow, allocationEnvironment).memory).toEqual(infoOf('bfloat16', narrow).memory);
});

it('counts sessions, descriptions and values of a run beside the weights', () => {
  const few = infoOf('float32', {});
  const many = infoOf('float32', { num_local_experts: 512, intermediate_size: 64 });
  const beside = ({ memory, parameters }: ModelInfo): number => memory.resident - 4 * parameters.total;
  // 448 experts more in each of three layers.
  const more = 448 * (3 * 50e3 + 9 * 5e3 + 60e3) - 4 * 2 * 2048 * 8 * (512 - 64);
  expect(beside(many) - beside(few)).toBeCloseTo(more, 0);
  // Rows of eight experts for each of 2,048 tokens; with one, attention takes more.
  const one = infoOf('float32', { num_experts_per_tok: 1 });
  const attention = 8 * 2048 * (4 * 1024) + 8 * 8 * 2048 * 256;
  expect(beside(few) - beside(one)).toBe(4 * 2048 * 8 * (3 * 1024 + 2 * 512) - attention);
});

it('counts weights, keys and values, and the rows and logits of a pass in PyTorch', () => {
  const { memory, parameters } = infoOf('bfloat16', {});
  // A pass of 4,096 tokens: four hidden states of each of 8 choices, three widths, and eight of hidden states.
  const keys = 8192 * 3 * 2 * 1024;
  const numbers = keys + 4096 * (4 * 8 * 1024 + 3 * 512 + 8 * 1024);
  const bytesOf = (weights: number) => ({
    float32: 4 * (numbers + weights) + 12 * 4096 * 512,
    half: 2 * (numbers + weights) + 12 * 4096 * 512,
  });
  const outer = 2 * 512 * 1024 + 1024;
  const pass = keys + 4096 * 4 * 1024 + 2 ** 22;
  // Block by block: what computes, the next one, and what is being converted; all three blocks are alike.
  expect(memory.torch).toEqual({
    ...bytesOf(parameters.total),
    streamed: bytesOf(outer + (parameters.total - outer)),
    pass: { float32: 4 * pass, half: 2 * pass },
  });
  const many = infoOf('bfloat16', { vocab_size: 150_000 });
  const beside = ({ memory: { torch }, parameters: { total } }: ModelInfo): number => torch.half - 2 * total;
  expect(beside(many) - beside(infoOf('bfloat16', {}))).toBe(12 * (2 ** 26 - 4096 * 512));
});

it('puts the settings of the allocator where there are none, and takes back its own alone', () => {
  expect(withAllocation({ A: '1' })).toEqual({ A: '1', ...allocationEnvironment });
  expect(withAllocation({ MALLOC_MMAP_THRESHOLD_: '5' })['MALLOC_MMAP_THRESHOLD_']).toBe('5');
  expect(withoutAllocation(withAllocation({ A: '1', MALLOC_MMAP_THRESHOLD_: '5' }))).toEqual({
    A: '1',
    MALLOC_MMAP_THRESHOLD_: '5',
  });
});
