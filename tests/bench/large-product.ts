import { TensorProto_DataType as DataType } from '../../main/graph/onnx-messages.ts';
import { OnnxGraph } from '../../main/graph/onnx-graph.ts';
import { floatTensor, Session } from '../../main/inference/session.ts';

const SIZE = 2048;

/**
 * The product of two matrices of 2048 x 2048 on one thread: the highest arithmetic rate of onnxruntime on this machine.
 */
export const openProduct = async (): Promise<{
  readonly rate: () => Promise<number>;
  readonly dispose: () => Promise<void>;
}> => {
  const graph = new OnnxGraph();
  const [a, b] = [graph.input('a', DataType.FLOAT, [SIZE, SIZE]), graph.input('b', DataType.FLOAT, [SIZE, SIZE])];
  graph.output('c', graph.node('MatMul', [a, b]), DataType.FLOAT, [SIZE, SIZE]);
  const session = await Session.open('product', graph.serialise('product'), {
    threads: 1,
    externalRoot: '',
    weights: 'resident',
  });
  const matrix = floatTensor(
    Float32Array.from({ length: SIZE * SIZE }, (_, index) => (index % 7) - 3),
    [SIZE, SIZE],
  );
  return {
    rate: async () => {
      const start = performance.now();
      await session.run({ a: matrix, b: matrix }, ['c']);
      return (2 * SIZE ** 3) / ((performance.now() - start) / 1000);
    },
    dispose: () => session.dispose(),
  };
};
