'use strict';
// Runs in Electron's utilityProcess and returns what onnxruntime computes there from the model at the given path. Here
// the native library runs with Electron's own V8, even if the engine's program itself runs in Node. A second argument
// names the application whose onnxruntime is used: in an installed one it is resolved through the archive.
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
