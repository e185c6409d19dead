'use strict';
// Run by Electron's utilityProcess: answers what onnxruntime computes there from the model whose path it is given. The
// native library meets Electron's own V8 in this process, also where the engine's program itself runs in Node.
const { InferenceSession, Tensor } = require('onnxruntime-node');

const run = async () => {
  const session = await InferenceSession.create(process.argv[2]);
  const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(0.5, -2, 7), [3]) });
  return [...y.data];
};
run().then(
  (values) => process.parentPort.postMessage({ values }),
  (error) => process.parentPort.postMessage({ error: String(error) }),
);
