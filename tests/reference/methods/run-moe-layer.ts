import { plainWeight } from '../../../main/checkpoint/weight.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import { moe, type RouterMap } from '../../../main/graph/moe.ts';
import { OnnxGraph } from '../../../main/graph/onnx-graph.ts';
import { externalDataRoot } from '../../../main/graph/weights.ts';
import { floatsOf, floatTensor, integersOf, Session } from '../../../main/inference/session.ts';
import type { RoutingTaps } from '../../../main/profile/routing-statistics.ts';
import type { ExpertShape, ExpertWeights } from '../../../main/pruning/expert-weights.ts';

export interface MoeLayerRequest {
  /** [rows, H]. */
  readonly router: Float32Array;
  readonly experts: readonly ExpertWeights[];
  readonly shape: ExpertShape;
  readonly topK: number;
  readonly normalise: boolean;
  readonly map?: RouterMap;
  /** [T, H]. */
  readonly tokens: Float32Array;
}

/** One MoE layer on tokens by the graph and the session that the workbench runs models with. */
export const runMoeLayer = async (request: MoeLayerRequest): Promise<RoutingTaps & { output: Float32Array }> => {
  const { hidden, width } = request.shape;
  const rows = request.router.length / hidden;
  const folder = await mkdtemp(path.join(tmpdir(), 'moe-layer-'));
  try {
    const file = path.join(folder, 'layer.safetensors');
    await writeSafetensors(file, [
      tensorInMemory('router', 'F32', [rows, hidden], request.router),
      ...request.experts.flatMap(({ gate, up, down }, expert) => [
        tensorInMemory(`${expert}.gate`, 'F32', [width, hidden], gate),
        tensorInMemory(`${expert}.up`, 'F32', [width, hidden], up),
        tensorInMemory(`${expert}.down`, 'F32', [hidden, width], down),
      ]),
    ]);
    const { tensors } = await readSafetensorsHeader(file);
    const view = (name: string) => {
      const found = tensors.get(name);
      if (found === undefined) throw new Error(`no tensor ${name}`);
      return found;
    };
    const graph = new OnnxGraph();
    const layer = {
      topK: request.topK,
      routing: { kind: 'softmax-all', normalise: request.normalise, scale: 1, groups: null },
      router: view('router'),
      routerBias: null,
      activation: { kind: 'silu' },
      shared: null,
      map: request.map ?? { kind: 'direct' },
      experts: request.experts.map((_, expert) => ({
        gate: plainWeight(view(`${expert}.gate`)),
        up: plainWeight(view(`${expert}.up`)),
        down: plainWeight(view(`${expert}.down`)),
      })),
    } as const;
    const tokens = graph.input('tokens', DataType.FLOAT, ['T', hidden]);
    const outputs = moe(graph, layer, tokens, graph.input('mask', DataType.FLOAT, [rows]));
    graph.output('output', outputs.output, DataType.FLOAT, ['T', hidden]);
    graph.output('logits', outputs.logits, DataType.FLOAT, ['T', rows]);
    graph.output('experts', outputs.experts, DataType.INT64, ['T', request.topK]);
    graph.output('weights', outputs.weights, DataType.FLOAT, ['T', request.topK]);
    graph.output('norms', outputs.norms, DataType.FLOAT, ['T', request.topK]);
    const session = await Session.open('a layer', graph.serialise('layer'), {
      threads: 1,
      externalRoot: externalDataRoot(file),
      weights: 'resident',
    });
    try {
      const results = await session.run(
        {
          tokens: floatTensor(request.tokens, [request.tokens.length / hidden, hidden]),
          mask: floatTensor(new Float32Array(rows), [rows]),
        },
        ['output', 'logits', 'experts', 'weights', 'norms'],
      );
      return {
        output: floatsOf(results['output']!),
        logits: floatsOf(results['logits']!),
        experts: integersOf(results['experts']!),
        weights: floatsOf(results['weights']!),
        norms: floatsOf(results['norms']!),
      };
    } finally {
      await session.dispose();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
};
