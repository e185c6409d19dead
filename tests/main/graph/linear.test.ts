import { expect, it } from 'vitest';
import { joinRows, splitRows } from '../../../main/graph/linear.ts';
import { OnnxGraph, UNLIMITED } from '../../../main/graph/onnx-graph.ts';
import { TensorProto_DataType as DataType } from '../../../main/graph/onnx-messages.ts';
import { floatsOf, floatTensor, integerTensor, Session } from '../../../main/inference/session.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

const WIDTH = 2;

/** Splits rows by counts, adds its number to every part, and joins them again. */
const numbered = async (counts: readonly number[], nodeWidth: number): Promise<readonly number[]> => {
  const graph = new OnnxGraph({ ...UNLIMITED, nodeWidth });
  const rows = graph.input('rows', DataType.FLOAT, ['n', WIDTH]);
  const parts = splitRows(graph, rows, graph.input('counts', DataType.INT64, [counts.length]), counts.length);
  expect(parts).toHaveLength(counts.length);
  graph.output(
    'joined',
    joinRows(
      graph,
      parts.map((part, index) => graph.node('Add', [part, graph.float(1000 * index)])),
    ),
    DataType.FLOAT,
    ['n', WIDTH],
  );
  const session = await Session.open('rows', graph.serialise('rows'), {
    threads: 1,
    externalRoot: '/',
    weights: 'resident',
  });
  try {
    const total = counts.reduce((sum, count) => sum + count, 0);
    const feeds = {
      rows: floatTensor(
        Float32Array.from({ length: total * WIDTH }, (_, index) => index),
        [total, WIDTH],
      ),
      counts: integerTensor(counts, [counts.length]),
    };
    const { joined } = await session.run(feeds, ['joined']);
    return joined === undefined ? [] : [...floatsOf(joined)];
  } finally {
    await session.dispose();
  }
};

const expected = (counts: readonly number[]): readonly number[] =>
  counts
    .flatMap((count, part) => new Array<number>(count * WIDTH).fill(1000 * part))
    .map((offset, index) => offset + index);

it.each([1, 2, 3, 7, 8, 9, 16, 49, 50, 128])('splits %i parts, empty ones too, as one node would', async (parts) => {
  const random = seededRandom(parts);
  const counts = Array.from({ length: parts }, () => (random.float() < 0.5 ? 0 : random.integer(4)));
  counts[parts - 1] = 2;
  for (const nodeWidth of [2, 3, 7, Number.POSITIVE_INFINITY])
    expect(await numbered(counts, nodeWidth)).toEqual(expected(counts));
});

it('joins bundles of which all parts are empty', async () => {
  expect(await numbered([0, 0, 0, 5, 0, 0, 0], 3)).toEqual(expected([0, 0, 0, 5, 0, 0, 0]));
});
