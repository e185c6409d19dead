import { plainWeight } from '../../../main/checkpoint/read-tensor.ts';
import { moe, type RouterMap } from '../../../main/graph/moe.ts';
import type { RoutingTaps } from '../../../main/profile/routing-statistics.ts';
import type { ExpertShape, ExpertWeights } from '../../../main/pruning/merging/expert-weights.ts';
import { type Matrix, runGraph } from './run-graph.ts';
import { softmaxRule } from '../../main/checkpoint/routing-rules.ts';
import { isTorch } from '../../torch-engine.ts';
import { runTorchLayer } from './torch-layer.ts';

export interface MoeLayerRequest {
  /** [rows, H]. */
  readonly router: Float32Array;
  readonly experts: readonly ExpertWeights[];
  readonly shape: ExpertShape;
  readonly topK: number;
  readonly normalise: boolean;
  readonly map?: RouterMap;
  /** Experts that may be chosen; all if absent. */
  readonly kept?: readonly number[];
  /** [T, H]. */
  readonly tokens: Float32Array;
}

/**
 * Runs one MoE layer on tokens with the workbench's graph and session. With ENGINE=torch in the engine torch, but for
 * routing that no class of transformers has: blended or summed probabilities.
 */
export const runMoeLayer = async (request: MoeLayerRequest): Promise<RoutingTaps & { output: Float32Array }> => {
  const { hidden, width } = request.shape;
  const { map } = request;
  const isInTransformers = map === undefined || map.kind === 'direct' || map.kind === 'rows';
  if (isTorch && isInTransformers) {
    const numbers = request.experts.map((_, expert) => expert);
    const carriers = (map?.kind === 'rows' ? map.experts : numbers).filter(
      (_, row) => request.kept === undefined || request.kept.includes(row),
    );
    const ownRows = request.kept ?? carriers.map((_, row) => row);
    return runTorchLayer({
      ...request,
      experts: carriers.map((carrier) => request.experts[carrier]!),
      router: Float32Array.from(
        ownRows.flatMap((row) => [...request.router.subarray(row * hidden, (row + 1) * hidden)]),
      ),
    });
  }
  const rows = request.router.length / hidden;
  const { kept } = request;
  const tensors: Record<string, Matrix> = { router: { shape: [rows, hidden], data: request.router } };
  request.experts.forEach(({ gate, up, down }, expert) => {
    tensors[`${expert}.gate`] = { shape: [width, hidden], data: gate };
    tensors[`${expert}.up`] = { shape: [width, hidden], data: up };
    tensors[`${expert}.down`] = { shape: [hidden, width], data: down };
  });
  return runGraph({
    tensors,
    inputs: {
      tokens: { shape: [request.tokens.length / hidden, hidden], data: request.tokens },
      mask: {
        shape: [rows],
        data: Float32Array.from({ length: rows }, (_, row) => (kept === undefined || kept.includes(row) ? 0 : -1e9)),
      },
    },
    build: (graph, { tokens, mask }, view) => {
      const layer = {
        topK: request.topK,
        routing: softmaxRule(request.normalise),
        router: view('router'),
        routerBias: null,
        identities: 0,
        activation: { kind: 'silu' },
        latent: null,
        shared: null,
        map: request.map ?? { kind: 'direct' },
        experts: request.experts.map((_, expert) => ({
          gate: plainWeight(view(`${expert}.gate`)),
          up: plainWeight(view(`${expert}.up`)),
          down: plainWeight(view(`${expert}.down`)),
        })),
      } as const;
      if (tokens === undefined || mask === undefined) throw new Error('inputs are missing');
      const { output, logits, experts, weights, norms } = moe(graph, layer, tokens, mask);
      return {
        floats: { output: [output, 2], logits: [logits, 2], weights: [weights, 2], norms: [norms, 2] },
        integers: { experts: [experts, 2] },
      };
    },
  });
};
