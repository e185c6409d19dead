import { expect } from 'vitest';
import { z } from 'zod';
import { ConfigReader } from '../../../main/checkpoint/config-reader.ts';
import { describeMoe } from '../../../main/checkpoint/describe-moe.ts';
import type { MoeDescriptor, TensorView } from '../../../main/checkpoint/descriptor.ts';
import type { Family } from '../../../main/checkpoint/families/family.ts';
import { gptOss, graniteMoe, mixtral } from '../../../main/checkpoint/families/mixtral.ts';
import { WeightReader } from '../../../main/checkpoint/weight-reader.ts';
import { TensorIndex } from '../../../main/checkpoint/tensor-index.ts';
import { everyExpert, moe } from '../../../main/graph/moe.ts';
import { ownLayer } from '../../../main/inference/layer-variant.ts';
import { type Matrix, runGraph } from './run-graph.ts';
import { runMoeLayer } from './run-moe-layer.ts';
import { expectClose, float32, tensor, type Tensor, tolerance } from './vector-file.ts';

const matrix = ({ shape, data }: Tensor): Matrix => ({ shape, data: Float32Array.from(data) });

/** Tensors of one MoE layer under a family's own names, read like a checkpoint. */
const describe = (
  family: Family,
  config: Readonly<Record<string, unknown>>,
  hidden: number,
  views: ReadonlyMap<string, TensorView>,
): MoeDescriptor => {
  const reader = new ConfigReader(config, 'config.json', family.defaults);
  return describeMoe(
    family,
    reader,
    new WeightReader(new TensorIndex(views, 'a folder'), { kind: 'none' }),
    'a folder',
    hidden,
  )(0);
};

const PREFIX = 'model.layers.0.';

const layoutsFile = z.object({
  params: z.object({ E: z.number(), H: z.number(), I: z.number(), kept: z.array(z.number()) }),
  inputs: z.object({ x: tensor }),
  expected: z.object({
    layouts: z.record(z.string(), z.record(z.string(), tensor)),
    pruned_shapes: z.record(z.string(), z.record(z.string(), z.array(z.number()))),
    swiglu_outputs_per_expert: tensor,
    gpt_oss_outputs_per_expert: tensor,
  }),
  tolerance,
});

interface Layout {
  readonly family: Family;
  /** Name on disk of each tensor of the file. */
  readonly names: Readonly<Record<string, string>>;
  readonly router: readonly string[];
}

const layouts: Readonly<Record<string, Layout>> = {
  'transformers_v5 (mixtral,qwen2/3_moe,olmoe,deepseek,glm4,phimoe)': {
    family: mixtral,
    names: { gate_up_proj: 'mlp.experts.gate_up_proj', down_proj: 'mlp.experts.down_proj' },
    router: ['mlp.gate.weight'],
  },
  granitemoe: {
    family: graniteMoe,
    names: {
      'input_linear.weight': 'block_sparse_moe.input_linear.weight',
      'output_linear.weight': 'block_sparse_moe.output_linear.weight',
    },
    router: ['block_sparse_moe.router.layer.weight'],
  },
  // No supported family uses this layout: that of the other fused ones, transposed.
  'llama4 / qwen3_vl_moe on disk': {
    family: mixtral,
    names: { gate_up_proj: 'mlp.experts.gate_up_proj', down_proj: 'mlp.experts.down_proj' },
    router: ['mlp.gate.weight'],
  },
  gpt_oss: {
    family: gptOss,
    names: {
      gate_up_proj: 'mlp.experts.gate_up_proj',
      gate_up_proj_bias: 'mlp.experts.gate_up_proj_bias',
      down_proj: 'mlp.experts.down_proj',
      down_proj_bias: 'mlp.experts.down_proj_bias',
    },
    router: ['mlp.router.weight', 'mlp.router.bias'],
  },
};

/** Fused layouts on disk -> every expert's output; a layout that no family uses is refused by its shape. */
export const fusedLayoutsVectors = async (json: unknown): Promise<void> => {
  const { params, inputs, expected, tolerance: within } = layoutsFile.parse(json);
  const { E, H, I } = params;
  for (const [name, tensors] of Object.entries(expected.layouts)) {
    const layout = layouts[name];
    if (layout === undefined) throw new Error(`no layout is called ${name}`);
    const { family, names, router } = layout;
    const onDisk: Record<string, Matrix> = {};
    for (const [key, value] of Object.entries(tensors)) onDisk[`${PREFIX}${names[key] ?? key}`] = matrix(value);
    for (const key of router) {
      const shape = key.endsWith('.bias') ? [E] : [E, H];
      onDisk[`${PREFIX}${key}`] = {
        shape,
        data: new Float32Array(shape.reduce((product, length) => product * length, 1)),
      };
    }
    const config = { num_local_experts: E, num_experts_per_tok: 1, intermediate_size: I };
    const transposed = name.startsWith('llama4');
    const run = runGraph({
      tensors: onDisk,
      inputs: { x: matrix(inputs.x) },
      build: (graph, { x }, view) => {
        if (x === undefined) throw new Error('no input');
        const described = describe(family, config, H, new Map(Object.keys(onDisk).map((key) => [key, view(key)])));
        for (const key of Object.keys(tensors)) {
          // Tensors that an export cuts to the kept experts, along the first axis.
          expect(described.storage.stacked, `${name}: ${key}`).toContain(`${PREFIX}${names[key] ?? key}`);
          const [first, ...rest] = expected.pruned_shapes[name]![key]!;
          expect([first, ...rest]).toEqual([params.kept.length, ...tensors[key]!.shape.slice(1)]);
        }
        return {
          floats: {
            outputs: [everyExpert(graph, { ...described, experts: described.expertTensors }, x), 3],
          },
          integers: {},
        };
      },
    });
    if (transposed) {
      await expect(run, name).rejects.toThrow(/has shape/);
      continue;
    }
    const { outputs } = await run;
    const theirs = name === 'gpt_oss' ? expected.gpt_oss_outputs_per_expert : expected.swiglu_outputs_per_expert;
    expectClose(outputs, theirs.data, within, `outputs of ${name}`);
  }
};

const matrices = z.object({ w1: tensor, w2: tensor, w3: tensor });
const forwardFile = z.object({
  inputs: z.object({
    mixtral: z.object({ gate_weight: tensor, experts: z.array(matrices), hidden_states: tensor, top_k: z.number() }),
    gpt_oss: z.object({
      router_weight: tensor,
      router_bias: tensor,
      gate_up_proj: tensor,
      gate_up_proj_bias: tensor,
      down_proj: tensor,
      down_proj_bias: tensor,
      hidden_states: tensor,
      top_k: z.number(),
    }),
  }),
  expected: z.object({
    mixtral: z.object({ output: tensor, router_logits: tensor }),
    gpt_oss: z.object({ output: tensor }),
  }),
  tolerance,
});

/**
 * Whole layers from weights: Mixtral's and gpt-oss's. The file's Switch layer belongs to an encoder (one expert per
 * token, ReLU, tokens beyond a capacity dropped); the workbench supports only decoders, so it is not checked.
 */
export const moeLayerForwardVectors = async (json: unknown): Promise<void> => {
  const { inputs, expected, tolerance: within } = forwardFile.parse(json);
  const { gate_weight, experts, hidden_states, top_k } = inputs.mixtral;
  const [width = 0, hidden = 0] = experts[0]!.w1.shape;
  const mixtralLayer = await runMoeLayer({
    router: float32(gate_weight),
    experts: experts.map(({ w1, w2, w3 }) => ({ gate: float32(w1), up: float32(w3), down: float32(w2) })),
    shape: { hidden, width },
    topK: top_k,
    normalise: true,
    tokens: float32(hidden_states),
  });
  expectClose(mixtralLayer.output, expected.mixtral.output.data, within, 'Mixtral');
  expectClose(mixtralLayer.logits, expected.mixtral.router_logits.data, within, 'router logits of Mixtral');

  const given = inputs.gpt_oss;
  const [E = 0, H = 0, twoI = 0] = given.gate_up_proj.shape;
  const onDisk: Record<string, Matrix> = {
    [`${PREFIX}mlp.router.weight`]: matrix(given.router_weight),
    [`${PREFIX}mlp.router.bias`]: matrix(given.router_bias),
    [`${PREFIX}mlp.experts.gate_up_proj`]: matrix(given.gate_up_proj),
    [`${PREFIX}mlp.experts.gate_up_proj_bias`]: matrix(given.gate_up_proj_bias),
    [`${PREFIX}mlp.experts.down_proj`]: matrix(given.down_proj),
    [`${PREFIX}mlp.experts.down_proj_bias`]: matrix(given.down_proj_bias),
  };
  const { output } = await runGraph({
    tensors: onDisk,
    inputs: { tokens: matrix(given.hidden_states), mask: { shape: [E], data: new Float32Array(E) } },
    build: (graph, { tokens, mask }, view) => {
      if (tokens === undefined || mask === undefined) throw new Error('inputs are missing');
      const config = { num_local_experts: E, num_experts_per_tok: given.top_k, intermediate_size: twoI / 2 };
      const described = describe(gptOss, config, H, new Map(Object.keys(onDisk).map((key) => [key, view(key)])));
      return { floats: { output: [moe(graph, ownLayer(described), tokens, mask).output, 2] }, integers: {} };
    },
  });
  expectClose(output, expected.gpt_oss.output.data, within, 'gpt-oss');
};
