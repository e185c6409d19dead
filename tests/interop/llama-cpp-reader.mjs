// Opens GGUF files in llama.cpp (node-llama-cpp) and in @huggingface/gguf, both from the folder UNCURL_LLAMA_CPP,
// and prints the results. A separate program, because a failed assertion in llama.cpp ends the process.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(path.join(process.env.UNCURL_LLAMA_CPP, 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { getLlama } = await load('node-llama-cpp');
const { gguf } = await load('@huggingface/gguf');

const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'error' });

const read = async ({ file, tokens, texts }) => {
  const { metadata, tensorInfos } = await gguf(file, { allowLocalFile: true });
  const model = await llama.loadModel({ modelPath: file });
  const context = await model.createContext({
    contextSize: 256,
    threads: 1,
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  });
  const sequence = context.getSequence();
  const probabilities = [];
  for (const ids of tokens) {
    await sequence.clearHistory();
    const results = await sequence.controlledEvaluate(ids.map((id) => [id, { generateNext: { probabilities: true } }]));
    probabilities.push(
      results.map(({ next }) => [...next.probabilities].sort(([a], [b]) => a - b).map(([, value]) => Math.log(value))),
    );
  }
  await context.dispose();
  return {
    architecture: metadata['general.architecture'],
    experts: metadata[`${metadata['general.architecture']}.expert_count`],
    tensors: tensorInfos.map(({ name, shape, dtype }) => ({
      name,
      // GGUF lists the fastest axis first.
      shape: shape.map(Number).reverse(),
      type: dtype,
    })),
    logProbabilities: probabilities,
    tokens: texts.map((text) => model.tokenize(text)),
  };
};

const reports = [];
for (const job of JSON.parse(await readFile(process.argv[2], 'utf8'))) reports.push(await read(job));
process.stdout.write(JSON.stringify(reports), () => process.exit(0));
