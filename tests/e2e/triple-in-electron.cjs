'use strict';
// Run by Electron's utilityProcess: answers what onnxruntime computes there from the model whose path it is given. The
// native library meets Electron's own V8 in this process, also where the engine's program itself runs in Node. A second
// argument names the application whose onnxruntime that is: an installed one has it behind its archive.
const { createRequire } = require('node:module');
const path = require('node:path');

const application = process.argv[3] ?? __dirname;
const { InferenceSession, Tensor } = createRequire(path.join(application, 'package.json'))('onnxruntime-node');

const run = async () => {
  const session = await InferenceSession.create(process.argv[2]);
  const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(0.5, -2, 7), [3]) });
  return [...y.data];
};
run().then(
  (values) => process.parentPort.postMessage({ values }),
  (error) => process.parentPort.postMessage({ error: String(error) }),
);
