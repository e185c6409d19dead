import { appendFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readGguf } from '../../../main/checkpoint/gguf/read-gguf.ts';
import { loadTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { encodeHeader } from '../../../main/export/gguf/gguf-header.ts';
import { ggufTokenizer } from '../../../main/export/gguf/tokenizer-metadata.ts';
import { readExperimentRecord } from '../../../main/runs/experiment-record.ts';
import { randomMixtral } from '../checkpoint/gguf/gguf-bytes.ts';
import { type FuzzedParser, ofFile } from './fuzzed-parser.ts';

const root = path.join(import.meta.dirname, '../../..');

/** Opening a model and its tokenizer takes longer than reading a header. */
const MODEL_MUTATIONS = 60;

/** Vocabulary of the bundled models. */
const VOCABULARY = 47;

const ggufFile = (): Buffer => {
  const { bytes } = encodeHeader(
    new Map([
      ['general.architecture', { kind: 'string', value: 'llama' }],
      ['llama.block_count', { kind: 'uint32', value: 2 }],
      ['llama.norm', { kind: 'float32', value: 1e-5 }],
      ['tokenizer.add', { kind: 'bool', value: true }],
      ['tokenizer.tokens', { kind: 'strings', value: ['<s>', 'a', 'b'] }],
      ['tokenizer.types', { kind: 'int32s', value: [3, 1, 1] }],
    ]),
    [
      { name: 'token_embd.weight', type: 'f32', shape: [3, 2] },
      { name: 'output_norm.weight', type: 'f16', shape: [2] },
    ],
  );
  return Buffer.concat([bytes, Buffer.alloc(256)]);
};

/** Readers of exports and experiments, working in `folderOf(NAME)`. */
export const exportParsers = async (folderOf: (name: string) => Promise<string>): Promise<readonly FuzzedParser[]> => {
  const model = path.join(root, 'resources', 'models', 'uncurl-8');
  const ofTokenizer = async (file: string): Promise<FuzzedParser> => {
    const folder = await folderOf(`gguf-${file}`);
    await mkdir(folder, { recursive: true });
    for (const name of ['tokenizer.json', 'tokenizer_config.json'])
      await cp(path.join(model, name), path.join(folder, name));
    const sound = await readFile(path.join(model, file));
    return ofFile(folder, `${file} for llama.cpp`, file, sound, (own) => ggufTokenizer(own, VOCABULARY));
  };
  const floats = { attention: 'f32', gate: 'f32', up: 'f32', down: 'f32', embedding: 'f32' } as const;
  const whole = randomMixtral(floats, 16);
  // Only the header is changed: any data are weights.
  const folderOfWhole = await folderOf('gguf-whole');
  await writeFile(path.join(folderOfWhole, 'whole.gguf'), whole);
  const start = (await readGguf(path.join(folderOfWhole, 'whole.gguf'))).tensors[0]?.byteOffset;
  const [header, data] = [whole.subarray(0, start), whole.subarray(start)];
  const compressed = path.join(root, 'tests', 'fixtures', 'compressed-tensors', 'int4');
  const folderOfCompressed = await folderOf('compressed');
  await cp(compressed, folderOfCompressed, { recursive: true });
  const record = JSON.parse(
    await readFile(path.join(root, 'resources', 'experiment', 'run', 'experiment.json'), 'utf8'),
  ) as { readonly arms: readonly unknown[] };
  const short = Buffer.from(JSON.stringify({ ...record, arms: record.arms.slice(0, 2) }).slice(0, 2 ** 20));
  return [
    await ofFile(await folderOf('gguf'), 'header of a GGUF file', 'model.gguf', ggufFile(), (_, file) =>
      readGguf(file),
    ),
    await ofFile(await folderOf('gguf-any'), 'header of any GGUF file', 'any.gguf', header, async (_, file) => {
      await appendFile(file, data);
      return readGguf(file);
    }),
    {
      ...(await ofFile(await folderOf('gguf-model'), 'GGUF file as a model', 'model.gguf', header, async (_, file) => {
        await appendFile(file, data);
        await openCheckpoint(file);
        return loadTokenizer(file);
      })),
      mutations: MODEL_MUTATIONS,
    },
    {
      ...(await ofFile(
        folderOfCompressed,
        'config.json of compressed-tensors',
        'config.json',
        await readFile(path.join(compressed, 'config.json')),
        (own) => openCheckpoint(own),
      )),
      mutations: MODEL_MUTATIONS,
    },
    await ofTokenizer('tokenizer.json'),
    await ofTokenizer('tokenizer_config.json'),
    await ofFile(
      await folderOf('experiment'),
      'record of an experiment',
      'experiment.json',
      short,
      readExperimentRecord,
    ),
  ];
};
