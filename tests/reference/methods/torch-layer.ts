import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import type { ExpertShape, ExpertWeights } from '../../../main/pruning/merging/expert-weights.ts';
import type { RoutingTaps } from '../../../main/profile/routing-statistics.ts';
import { temporaryFolder } from '../../main/workspace/temporary-folder.ts';
import { torchWorkers } from '../../torch-engine.ts';

export interface TorchLayer {
  /** [E, H]. */
  readonly router: Float32Array;
  readonly experts: readonly ExpertWeights[];
  readonly shape: ExpertShape;
  readonly topK: number;
  readonly normalise: boolean;
  /** [T, H]. */
  readonly tokens: Float32Array;
}

const EPSILON = 1e-6;
let layers = 0;
/** How many layers have run. */
export const layersByTorch = (): number => layers;

/** Hidden numbers beyond those of the layer, at least: the first makes all tokens equally long. */
const LEAST_PADDING = 4;

/**
 * One MoE layer on hidden states in the engine torch, as it observes a profile: taps, the sum of routed experts [T, H]
 * and every expert's output [E, T, H].
 *
 * The layer becomes a model of one block of transformers' class Qwen3MoE whose attention adds nothing. Token t's
 * embedding is its hidden state and one number more, which gives all of them the same length: the norm before the
 * experts then multiplies all alike, and its weights undo it.
 */
export const runTorchLayer = async ({
  router,
  experts,
  shape: { hidden, width },
  topK,
  normalise,
  tokens,
}: TorchLayer): Promise<RoutingTaps & { output: Float32Array; outputs: Float32Array }> => {
  const count = tokens.length / hidden;
  const wide = Math.ceil((hidden + LEAST_PADDING) / LEAST_PADDING) * LEAST_PADDING;
  const rows = Array.from({ length: count }, (_, token) => tokens.subarray(token * hidden, (token + 1) * hidden));
  const squares = rows.map((row) => row.reduce((sum, value) => sum + value * value, 0));
  const most = Math.max(1, ...squares);
  const embedding = new Float32Array(count * wide);
  rows.forEach((row, token) => {
    embedding.set(row, token * wide);
    embedding[token * wide + hidden] = Math.sqrt(most - (squares[token] ?? 0));
  });
  /** [n, hidden] with columns of zeros. */
  const widened = (matrix: Float32Array): Float32Array => {
    const result = new Float32Array((matrix.length / hidden) * wide);
    for (let row = 0; row * hidden < matrix.length; row += 1)
      result.set(matrix.subarray(row * hidden, (row + 1) * hidden), row * wide);
    return result;
  };
  const undone = new Float32Array(wide).fill(Math.sqrt(most / wide + EPSILON), 0, hidden);
  const ones = (length: number): Float32Array => new Float32Array(length).fill(1);
  const block = 'model.layers.0';
  const tensors: readonly (readonly [string, readonly number[], Float32Array])[] = [
    ['model.embed_tokens.weight', [count, wide], embedding],
    ['lm_head.weight', [count, wide], embedding],
    ['model.norm.weight', [wide], ones(wide)],
    [`${block}.input_layernorm.weight`, [wide], ones(wide)],
    [`${block}.post_attention_layernorm.weight`, [wide], undone],
    ...['q', 'k', 'v'].map((name) => [`${block}.self_attn.${name}_proj.weight`, [2, wide], ones(2 * wide)] as const),
    ...['q', 'k'].map((name) => [`${block}.self_attn.${name}_norm.weight`, [2], ones(2)] as const),
    [`${block}.self_attn.o_proj.weight`, [wide, 2], new Float32Array(2 * wide)],
    [`${block}.mlp.gate.weight`, [experts.length, wide], widened(router)],
    ...experts.flatMap(({ gate, up, down }, expert) => {
      const padded = new Float32Array(wide * width);
      padded.set(down);
      return [
        [`${block}.mlp.experts.${String(expert)}.gate_proj.weight`, [width, wide], widened(gate)],
        [`${block}.mlp.experts.${String(expert)}.up_proj.weight`, [width, wide], widened(up)],
        [`${block}.mlp.experts.${String(expert)}.down_proj.weight`, [wide, width], padded],
      ] as const;
    }),
  ];
  const config = JSON.stringify({
    model_type: 'qwen3_moe',
    architectures: ['Qwen3MoeForCausalLM'],
    vocab_size: count,
    hidden_size: wide,
    intermediate_size: width,
    moe_intermediate_size: width,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    num_key_value_heads: 1,
    head_dim: 2,
    num_experts: experts.length,
    num_experts_per_tok: topK,
    norm_topk_prob: normalise,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
    rms_norm_eps: EPSILON,
    hidden_act: 'silu',
    tie_word_embeddings: false,
    max_position_embeddings: count,
    attention_bias: false,
    rope_theta: 10000,
    torch_dtype: 'float32',
  });
  const folder = path.join(await temporaryFolder(), 'layer');
  await mkdir(folder);
  await writeFile(path.join(folder, 'config.json'), config);
  const stored = tensors.map(([name, shape, values]) => tensorInMemory(name, 'F32', [...shape], values));
  await writeSafetensors(path.join(folder, 'model.safetensors'), stored, { format: 'pt' });

  layers += 1;
  const { signal } = new AbortController();
  const team = await torchWorkers.take();
  try {
    await team.request(
      0,
      'load',
      { precision: 'float32', streams: false, quantisation: null, asked: [], config, folder },
      {},
      signal,
    );
    const all = { shape: [count], values: Int32Array.from({ length: count }, (_, token) => token) };
    const { tensors: seen } = await team.request(
      0,
      'profile',
      { peaks: false, outputs: null, residual: null },
      { tokens: { ...all, shape: [1, count] }, lengths: { shape: [1], values: Int32Array.of(count) }, traced: all },
      signal,
    );
    const floats = (name: string): Float32Array => Float32Array.from(seen.get(`${name}.0`)?.values ?? []);
    const narrowed = (values: Float32Array): Float32Array => values.filter((_, at) => at % wide < hidden);
    return {
      logits: floats('router'),
      experts: Int32Array.from(seen.get('experts.0')?.values ?? []),
      weights: floats('weights'),
      norms: floats('norms'),
      output: narrowed(floats('traced_routed')),
      outputs: narrowed(floats('traced_outputs')),
    };
  } finally {
    await torchWorkers.giveBack(team);
  }
};
