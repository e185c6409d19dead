import { plainWeight } from '../../../main/checkpoint/read-tensor.ts';
import { everyExpert } from '../../../main/graph/moe.ts';
import type { ExpertShape, ExpertWeights } from '../../../main/pruning/merging/expert-weights.ts';
import { isTorch } from '../../torch-engine.ts';
import { type Matrix, runGraph } from './run-graph.ts';
import { runTorchLayer } from './torch-layer.ts';

/** [E, T, H] outputs of every expert on every token, by the graph used for profiles, or by the engine torch. */
export const runExperts = async (
  { experts, shape: { hidden, width } }: { readonly experts: readonly ExpertWeights[]; readonly shape: ExpertShape },
  tokens: Float32Array,
): Promise<Float32Array> => {
  if (isTorch) {
    const router = new Float32Array(experts.length * hidden);
    const layer = { router, experts, shape: { hidden, width }, topK: 1, normalise: true, tokens };
    return (await runTorchLayer(layer)).outputs;
  }
  const tensors: Record<string, Matrix> = {};
  experts.forEach(({ gate, up, down }, expert) => {
    tensors[`${expert}.gate`] = { shape: [width, hidden], data: gate };
    tensors[`${expert}.up`] = { shape: [width, hidden], data: up };
    tensors[`${expert}.down`] = { shape: [hidden, width], data: down };
  });
  const { outputs } = await runGraph({
    tensors,
    inputs: { tokens: { shape: [tokens.length / hidden, hidden], data: tokens } },
    build: (graph, inputs, view) => {
      const layer = {
        activation: { kind: 'silu' },
        latent: null,
        experts: experts.map((_, expert) => ({
          gate: plainWeight(view(`${expert}.gate`)),
          up: plainWeight(view(`${expert}.up`)),
          down: plainWeight(view(`${expert}.down`)),
        })),
      } as const;
      const { tokens: input } = inputs;
      if (input === undefined) throw new Error('no tokens');
      return { floats: { outputs: [everyExpert(graph, layer, input), 3] }, integers: {} };
    },
  });
  return outputs;
};
