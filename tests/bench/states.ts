import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { writeSafetensors } from '../../main/checkpoint/write-safetensors.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { median } from './statistics.ts';
import { randomTensors } from './synthetic-checkpoint.ts';

/**
 * Decoding of a family with states: processor time per token after 64, 512 and 2,048 tokens, of the blocks of
 * Qwen3-Next with gated delta nets in every layer, and with attention in every fourth one, as published. With states
 * alone it should be constant in length; attention adds what its keys cost.
 *
 * Method: random weights, one thread, one sequence; 32 tokens after the first new one, so that the prompt is left out;
 * lengths alternate, ROUNDS times, and medians are compared.
 * Usage: node tests/bench/states.ts [rounds]
 */

const ROUNDS = Number(process.argv[2] ?? '3');
const LENGTHS = [64, 512, 2048];
const STEPS = 32;
const control = { signal: new AbortController().signal };

const shape = { hidden: 512, layers: 8, heads: 8, headDimension: 64, keyValueHeads: 2, vocabulary: 512 };
const linear = { keyHeads: 4, valueHeads: 8, dimension: 64, kernel: 4 };
const moe = { experts: 16, topK: 4, width: 128 };

/** Qwen3-Next with attention in every `every`-th layer; 0: in none. */
const checkpointFolder = async (every: number): Promise<string> => {
  const folder = path.join(os.tmpdir(), `uncurl-bench-states-${String(every)}`);
  if (existsSync(path.join(folder, 'config.json'))) return folder;
  // A run that was ended may have left a part.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const tensor = randomTensors('F32', 1);
  const { hidden, layers, heads, headDimension, keyValueHeads, vocabulary } = shape;
  const layerTypes = Array.from({ length: layers }, (_, layer) =>
    every !== 0 && (layer + 1) % every === 0 ? 'full_attention' : 'linear_attention',
  );
  const [keys, values] = [linear.keyHeads * linear.dimension, linear.valueHeads * linear.dimension];
  const matrix = (name: string, rows: number, columns: number): ReturnType<typeof tensor> =>
    tensor(`${name}.weight`, [rows, columns], columns ** -0.5);
  const network = (prefix: string): readonly ReturnType<typeof tensor>[] => [
    matrix(`${prefix}gate_proj`, moe.width, hidden),
    matrix(`${prefix}up_proj`, moe.width, hidden),
    matrix(`${prefix}down_proj`, hidden, moe.width),
  ];
  const tensors = [
    tensor('model.embed_tokens.weight', [vocabulary, hidden], 1),
    tensor('model.norm.weight', [hidden], 0.1),
    matrix('lm_head', vocabulary, hidden),
    ...layerTypes.flatMap((type, layer) => {
      const prefix = `model.layers.${String(layer)}.`;
      const operator =
        type === 'full_attention'
          ? [
              matrix(`${prefix}self_attn.q_proj`, 2 * heads * headDimension, hidden),
              matrix(`${prefix}self_attn.k_proj`, keyValueHeads * headDimension, hidden),
              matrix(`${prefix}self_attn.v_proj`, keyValueHeads * headDimension, hidden),
              matrix(`${prefix}self_attn.o_proj`, hidden, heads * headDimension),
              tensor(`${prefix}self_attn.q_norm.weight`, [headDimension], 0.1),
              tensor(`${prefix}self_attn.k_norm.weight`, [headDimension], 0.1),
            ]
          : [
              matrix(`${prefix}linear_attn.in_proj_qkvz`, 2 * keys + 2 * values, hidden),
              matrix(`${prefix}linear_attn.in_proj_ba`, 2 * linear.valueHeads, hidden),
              tensor(`${prefix}linear_attn.conv1d.weight`, [2 * keys + values, 1, linear.kernel], 0.5),
              tensor(`${prefix}linear_attn.A_log`, [linear.valueHeads], 0.5),
              tensor(`${prefix}linear_attn.dt_bias`, [linear.valueHeads], 0.5),
              tensor(`${prefix}linear_attn.norm.weight`, [linear.dimension], 0),
              matrix(`${prefix}linear_attn.out_proj`, hidden, values),
            ];
      return [
        ...operator,
        tensor(`${prefix}input_layernorm.weight`, [hidden], 0.1),
        tensor(`${prefix}post_attention_layernorm.weight`, [hidden], 0.1),
        matrix(`${prefix}mlp.gate`, moe.experts, hidden),
        tensor(`${prefix}mlp.shared_expert_gate.weight`, [1, hidden], hidden ** -0.5),
        ...network(`${prefix}mlp.shared_expert.`),
        ...Array.from({ length: moe.experts }, (_, expert) =>
          network(`${prefix}mlp.experts.${String(expert)}.`),
        ).flat(),
      ];
    }),
  ];
  await writeSafetensors(path.join(folder, 'model.safetensors'), tensors, { format: 'pt' });
  const config = {
    architectures: ['Qwen3NextForCausalLM'],
    model_type: 'qwen3_next',
    hidden_size: hidden,
    num_hidden_layers: layers,
    layer_types: layerTypes,
    num_attention_heads: heads,
    head_dim: headDimension,
    num_key_value_heads: keyValueHeads,
    vocab_size: vocabulary,
    max_position_embeddings: 4096,
    num_experts: moe.experts,
    num_experts_per_tok: moe.topK,
    moe_intermediate_size: moe.width,
    shared_expert_intermediate_size: moe.width,
    linear_num_key_heads: linear.keyHeads,
    linear_num_value_heads: linear.valueHeads,
    linear_key_head_dim: linear.dimension,
    linear_value_head_dim: linear.dimension,
    linear_conv_kernel_dim: linear.kernel,
    tie_word_embeddings: false,
  };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config, null, 1));
  return folder;
};

for (const [name, every] of [
  ['states in every layer', 0],
  ['attention in every fourth layer', 4],
] as const) {
  const runner = await openModelRunner(await openCheckpoint(await checkpointFolder(every)), {
    threads: 1,
    memoryBudgetBytes: 4e9,
    overlayFolder: path.join(os.tmpdir(), 'uncurl-bench-overlays'),
  });
  const random = seededRandom(2);
  const candidates = [{ key: 'unpruned', plan: null }];
  /** Milliseconds of processor time of a token after a prompt, of all threads. */
  const perStep = async (length: number): Promise<number> => {
    const tokens = Array.from({ length }, () => random.integer(shape.vocabulary));
    let [first, last] = [0, 0];
    const isDone = (written: readonly number[]): boolean => {
      const { user, system } = process.cpuUsage();
      if (written.length === 1) first = user + system;
      last = user + system;
      return false;
    };
    const row = { tokens, candidate: 'unpruned', mostNewTokens: STEPS + 1, isDone };
    for await (const { tokens: written } of runner.decode([row], candidates, control))
      if (written.length !== STEPS + 1) throw new Error('a row of another length');
    return (last - first) / 1e3 / STEPS;
  };
  await perStep(64);
  const perToken = new Map<number, number[]>(LENGTHS.map((length) => [length, []]));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const length of LENGTHS) perToken.get(length)?.push(await perStep(length));
  await runner.dispose();
  const shortest = median(perToken.get(LENGTHS[0] ?? 0) ?? []);
  for (const length of LENGTHS) {
    const time = median(perToken.get(length) ?? []);
    console.log(
      `${name}: ${time.toFixed(2)} ms per token after ${String(length)} tokens, ` +
        `${(time / shortest).toFixed(2)}x of that after ${String(LENGTHS[0])}`,
    );
  }
}
