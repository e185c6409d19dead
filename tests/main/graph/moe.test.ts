import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { TensorView } from '../../../main/checkpoint/descriptor.ts';
import { plainWeight } from '../../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import { moe, type RouterMap } from '../../../main/graph/moe.ts';
import { type GraphTarget, OnnxGraph, UNLIMITED } from '../../../main/graph/onnx-graph.ts';
import { TensorProto_DataType as DataType } from '../../../main/graph/onnx-messages.ts';
import { externalDataRoot } from '../../../main/graph/weights.ts';
import { floatsOf, floatTensor, integersOf, Session } from '../../../main/inference/session.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { softmaxRule } from '../checkpoint/routing-rules.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const [tokens, hidden, width] = [23, 12, 10];

interface Weights {
  readonly router: Float32Array;
  readonly experts: readonly { readonly gate: Float32Array; readonly up: Float32Array; readonly down: Float32Array }[];
  readonly input: Float32Array;
}

const drawWeights = (rows: number, experts: number, seed: number): Weights => {
  const random = seededRandom(seed);
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => 2 * random.float() - 1);
  return {
    router: draw(rows * hidden),
    experts: Array.from({ length: experts }, () => ({
      gate: draw(width * hidden),
      up: draw(width * hidden),
      down: draw(hidden * width),
    })),
    input: draw(tokens * hidden),
  };
};

interface Layer {
  readonly topK: number;
  readonly normalise: boolean;
  readonly map: RouterMap;
  readonly mask: readonly number[];
}

interface Outputs {
  readonly output: readonly number[];
  readonly experts: readonly number[];
  readonly weights: readonly number[];
  readonly norms: readonly number[];
}

const runGraph = async ({ router, experts, input }: Weights, layer: Layer, target?: GraphTarget): Promise<Outputs> => {
  const rows = layer.mask.length;
  const file = path.join(await temporaryFolder(), 'layer.safetensors');
  await writeSafetensors(file, [
    tensorInMemory('router', 'F32', [rows, hidden], router),
    ...experts.flatMap(({ gate, up, down }, expert) => [
      tensorInMemory(`${expert}.gate`, 'F32', [width, hidden], gate),
      tensorInMemory(`${expert}.up`, 'F32', [width, hidden], up),
      tensorInMemory(`${expert}.down`, 'F32', [hidden, width], down),
    ]),
  ]);
  const { tensors } = await readSafetensorsHeader(file);
  const view = (name: string): TensorView => tensors.get(name) ?? expect.fail(name);
  const graph = new OnnxGraph(target);
  const result = moe(
    graph,
    {
      topK: layer.topK,
      routing: softmaxRule(layer.normalise),
      router: view('router'),
      routerBias: null,
      identities: 0,
      activation: { kind: 'silu' },
      latent: null,
      shared: null,
      map: layer.map,
      experts: experts.map((_, expert) => ({
        gate: plainWeight(view(`${expert}.gate`)),
        up: plainWeight(view(`${expert}.up`)),
        down: plainWeight(view(`${expert}.down`)),
      })),
    },
    graph.input('tokens', DataType.FLOAT, ['T', hidden]),
    graph.input('mask', DataType.FLOAT, [rows]),
  );
  graph.output('output', result.output, DataType.FLOAT, ['T', hidden]);
  graph.output('experts', result.experts, DataType.INT64, ['T', layer.topK]);
  graph.output('weights', result.weights, DataType.FLOAT, ['T', layer.topK]);
  graph.output('norms', result.norms, DataType.FLOAT, ['T', layer.topK]);
  const session = await Session.open('moe', graph.serialise('moe'), {
    threads: 1,
    externalRoot: externalDataRoot(file),
    weights: 'resident',
  });
  onTestFinished(() => session.dispose());
  const feeds = {
    tokens: floatTensor(input, [tokens, hidden]),
    mask: floatTensor(Float32Array.from(layer.mask), [rows]),
  };
  const results = await session.run(feeds, ['output', 'experts', 'weights', 'norms']);
  const floats = (name: string): readonly number[] => [...floatsOf(results[name] ?? expect.fail(name))];
  return {
    output: floats('output'),
    experts: [...integersOf(results['experts'] ?? expect.fail('experts'))],
    weights: floats('weights'),
    norms: floats('norms'),
  };
};

const dot = (matrix: Float32Array, row: number, vector: readonly number[]): number =>
  vector.reduce((sum, value, column) => sum + (matrix[row * vector.length + column] ?? NaN) * value, 0);
const largest = (values: readonly number[], count: number): readonly number[] =>
  [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b).slice(0, count);

/** The layer by its definition, in float64. */
const plainMoe = ({ router, experts, input }: Weights, { topK, normalise, map, mask }: Layer): Outputs => {
  const parts = Array.from({ length: tokens }, (_, token) => {
    const x = [...input.subarray(token * hidden, (token + 1) * hidden)];
    const exponentials = mask.map((offset, row) => Math.exp(dot(router, row, x) + offset));
    const probabilities = exponentials.map((value) => value / exponentials.reduce((a, b) => a + b, 0));
    const sums =
      map.kind === 'sums'
        ? experts.map((_, expert) =>
            probabilities.filter((_p, row) => map.experts[row] === expert).reduce((a, b) => a + b, 0),
          )
        : probabilities;
    const rows = largest(sums, topK);
    const total = normalise ? rows.reduce((sum, row) => sum + sums[row]!, 0) : 1;
    const weights = rows.map((row) => sums[row]! / total);
    const chosen = rows.map((row) => (map.kind === 'rows' ? map.experts[row]! : row));
    const outputs = chosen.map((expert) => {
      const { gate, up, down } = experts[expert]!;
      const inner = Array.from(
        { length: width },
        (_i, neuron) => (dot(gate, neuron, x) / (1 + Math.exp(-dot(gate, neuron, x)))) * dot(up, neuron, x),
      );
      return x.map((_h, row) => dot(down, row, inner));
    });
    return {
      output: x.map((_h, row) => outputs.reduce((sum, vector, slot) => sum + weights[slot]! * vector[row]!, 0)),
      experts: chosen,
      weights,
      norms: outputs.map((vector) => Math.hypot(...vector)),
    };
  });
  const all = <K extends keyof Outputs>(key: K): readonly number[] => parts.flatMap((part) => part[key]);
  return { output: all('output'), experts: all('experts'), weights: all('weights'), norms: all('norms') };
};

describe('an MoE layer matches its definition', () => {
  const open = (rows: number): readonly number[] => new Array<number>(rows).fill(0);
  const masked = [0, -1e9, 0, 0, -1e9, 0];
  const cases: readonly (readonly [string, number, Layer])[] = [
    ['top-2 of 6, normalised', 6, { topK: 2, normalise: true, map: { kind: 'direct' }, mask: open(6) }],
    ['top-3 of 6, raw weights', 6, { topK: 3, normalise: false, map: { kind: 'direct' }, mask: open(6) }],
    ['top-10 of 70', 70, { topK: 10, normalise: true, map: { kind: 'direct' }, mask: open(70) }],
    ['top-1 of 1', 1, { topK: 1, normalise: true, map: { kind: 'direct' }, mask: open(1) }],
    ['a mask, normalised', 6, { topK: 2, normalise: true, map: { kind: 'direct' }, mask: masked }],
    ['a mask, raw weights', 6, { topK: 2, normalise: false, map: { kind: 'direct' }, mask: masked }],
    [
      'a mask that leaves top-k experts',
      6,
      { topK: 2, normalise: true, map: { kind: 'direct' }, mask: [-1e9, 0, -1e9, -1e9, 0, -1e9] },
    ],
    [
      'mapped rows, where both may lead to one expert',
      3,
      { topK: 2, normalise: true, map: { kind: 'rows', experts: [0, 1, 1, 2, 0, 0] }, mask: open(6) },
    ],
    [
      'mapped rows, raw weights',
      3,
      { topK: 3, normalise: false, map: { kind: 'rows', experts: [2, 1, 1, 2, 0, 0] }, mask: open(6) },
    ],
    [
      'summed probabilities, normalised',
      3,
      { topK: 2, normalise: true, map: { kind: 'sums', experts: [0, 1, 1, 2, 0, 0] }, mask: open(6) },
    ],
    [
      'summed probabilities, raw weights',
      4,
      { topK: 2, normalise: false, map: { kind: 'sums', experts: [3, 1, 2, 2, 0, 0] }, mask: open(6) },
    ],
  ];
  it.each(cases)('%s', async (_what, experts, layer) => {
    const weights = drawWeights(layer.mask.length, experts, experts);
    const [found, wanted] = [await runGraph(weights, layer), plainMoe(weights, layer)];
    expect(found.experts).toEqual(wanted.experts);
    for (const key of ['output', 'weights', 'norms'] as const) {
      const difference = Math.max(
        ...wanted[key].map((value, index) => Math.abs(value - found[key][index]!) / Math.max(1, Math.abs(value))),
      );
      expect(difference).toBeLessThanOrEqual(1e-5);
    }
  });

  it('gives the same bits by the operators for many experts and by those for few', async () => {
    const weights = drawWeights(70, 70, 70);
    const layer: Layer = { topK: 10, normalise: true, map: { kind: 'direct' }, mask: open(70) };
    // A provider that limits its nodes keeps the operators for few.
    expect(await runGraph(weights, layer)).toEqual(await runGraph(weights, layer, { ...UNLIMITED, nodeWidth: 70 }));
  });

  it('gives ties to the lower index', async () => {
    const weights = drawWeights(4, 4, 9);
    weights.router.copyWithin(2 * hidden, 0, hidden);
    weights.router.copyWithin(3 * hidden, 0, hidden);
    const layer: Layer = { topK: 2, normalise: true, map: { kind: 'direct' }, mask: [0, -1e9, 0, 0] };
    const { experts } = await runGraph(weights, layer);
    expect(experts).toEqual(Array.from({ length: tokens }, () => [0, 2]).flat());
  });
});
