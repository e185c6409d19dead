import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../../main/checkpoint/read-tensor.ts';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import { canaryProbes } from '../../../main/evaluation/canary-probes.ts';
import { canaryWords } from '../../../main/evaluation/canaries.ts';
import { editJsonMembers } from '../../../main/export/edit-json.ts';
import { candidateName } from '../../../main/jobs/fit-candidates.ts';
import { requireTwoParts } from '../../../main/jobs/fit-search.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { TEST_LIMIT_MS } from '../../hang-limit.ts';
import { openEngine } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const SOURCE = 'resources/models/uncurl-8';
/** The probe whose answer this token takes away: it also covers the end of the context. */
const JOINED = 'France is Paris';

/** Characters by which byte-level vocabularies write bytes (GPT-2). */
const byteCharacters = (): readonly string[] => {
  const isPlain = (byte: number): boolean =>
    (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || (byte > 173 && byte < 256);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPlain(byte) ? byte : next++));
};

/**
 * A byte-level BPE tokenizer whose tokens are the beginnings of Latin words, numbers and signs of the documentation and
 * of the probes, and bytes for the rest.
 */
const realTokenizer = async (): Promise<{ readonly text: string; readonly size: number }> => {
  const names = ['finding', 'exports', 'verdicts', 'families', 'pruning-methods', 'reliability'];
  const pages = await Promise.all(names.map((name) => readFile(`resources/docs/${name}.md`, 'utf8')));
  const texts = [...canaryProbes.map(([context, answer]) => context + answer), ...pages];
  const characters = byteCharacters();
  const vocabulary = new Map(characters.map((character, byte) => [character, byte]));
  const merges: (readonly [string, string])[] = [];
  const words = / ?\p{Script=Latin}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+/gu;
  for (const [word] of texts.join('\n').matchAll(words)) {
    const [first = '', ...rest] = [...Buffer.from(word)].map((byte) => characters[byte] ?? '');
    let token = first;
    for (const character of rest) {
      if (!vocabulary.has(token + character)) {
        vocabulary.set(token + character, vocabulary.size);
        merges.push([token, character]);
      }
      token += character;
    }
  }
  const size = vocabulary.size + 2;
  const added = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const text = JSON.stringify({
    version: '1.0',
    added_tokens: [
      { id: size - 2, content: JOINED, special: false, ...added },
      { id: size - 1, content: '<end>', special: true, ...added },
    ],
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    normalizer: null,
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab: Object.fromEntries(vocabulary), merges: merges.map((pair) => pair.join(' ')) },
  });
  return { text, size };
};

/** A model of uncurl-8's layers with a vocabulary of its own, by seed. */
const realModel = async (): Promise<string> => {
  const folder = path.join(await temporaryFolder(), 'real');
  await mkdir(folder);
  const { text, size } = await realTokenizer();
  const random = seededRandom(3);
  const { tensors, descriptor } = await openCheckpoint(SOURCE);
  const written = [...tensors.values()].map(async (view) => {
    const shape = view.shape.map((length) => (length === descriptor.vocabulary ? size : length));
    const isTable = shape[0] === size;
    const values = isTable
      ? Float32Array.from({ length: size * (shape[1] ?? 1) }, () => random.float() - 0.5)
      : await readTensor(view);
    return tensorInMemory(view.tensor, 'F32', shape, values);
  });
  await writeSafetensors(path.join(folder, 'model.safetensors'), await Promise.all(written), { format: 'pt' });
  const config = await readFile(path.join(SOURCE, 'config.json'), 'utf8');
  const tokens = { vocab_size: size, bos_token_id: size - 1, eos_token_id: size - 1 };
  const own = { ...tokens, torch_dtype: 'float32', max_position_embeddings: 256 };
  await writeFile(path.join(folder, 'config.json'), editJsonMembers(config, own));
  await writeFile(path.join(folder, 'tokenizer.json'), text);
  const special = { tokenizer_class: 'PreTrainedTokenizerFast', bos_token: '<end>', eos_token: '<end>' };
  await writeFile(path.join(folder, 'tokenizer_config.json'), JSON.stringify(special));
  return folder;
};

/** A task of few items. */
const shortTask = async (): Promise<string> => {
  const folder = path.join(await temporaryFolder(), 'short');
  await mkdir(folder);
  for (const [name, count] of [
    ['calibration', 16],
    ['test', 8],
  ] as const) {
    const lines = (await readFile(`resources/tasks/mood/${name}.jsonl`, 'utf8')).split('\n').slice(0, count);
    await writeFile(path.join(folder, `${name}.jsonl`), lines.join('\n'));
  }
  await copyFile('resources/tasks/mood/task.json', path.join(folder, 'task.json'));
  return folder;
};

it(
  'the canaries of the workbench run on a model with a real vocabulary, and none is named where nothing is pruned',
  async () => {
    const engine = await openEngine();
    const task = engine.grantPath(await shortTask());
    const folder = await realModel();
    const model = engine.grantPath(folder);
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.info.vocabulary).toBeGreaterThan(8_000);
    const tokenizer = await loadTokenizer(folder, checkpoint.descriptor.vocabulary);
    if (tokenizer === null) throw new Error('no tokenizer');
    const lengths = canaryProbes
      .filter(([context, answer]) => !(context + answer).includes(JOINED))
      .map(([context, answer]) => tokenizer.encode(context + answer, true).length);
    expect(lengths).toHaveLength(canaryProbes.length - 1);
    const tokens = lengths.reduce((sum, length) => sum + length, 0);
    // More than a byte and less than a word for a token.
    const bytes = canaryProbes.reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0);
    expect(bytes / tokens).toBeGreaterThan(2);

    const request = { model, task, format: 'plan' as const, methods: ['reap'], scoringItems: 8, finalists: 0 };
    const ours = { ...request, canaries: { source: 'ours' as const } };
    const weights = checkpoint.info.sizeBytes;
    const found = async (share: number) => {
      const limit = { kind: 'bytes' as const, bytes: Math.ceil(weights * share) };
      const { run } = await engine.call('fit.start', { ...ours, limit });
      await engine.finished(run);
      return engine.call('fit.read', { run });
    };
    const whole = await found(1.1);
    expect(whole.canaries).toMatchObject({ probes: lengths.length, leftOut: 1, tested: 0, changed: [] });
    expect(canaryWords(whole)).toEqual([
      `None of ${String(lengths.length)} canaries routes a token to an expert that was given up: no test is needed.`,
      'The tokenizer leaves the answers of 1 other canary no token of their own: not measured.',
    ]);
    const pruned = await found(0.9);
    expect(pruned.canaries).toMatchObject({
      source: 'ours',
      probes: lengths.length,
      tested: Math.round(0.2 * lengths.length),
      controls: Math.round(0.6 * lengths.length),
    });
    expect(pruned.canaries?.testedExposure).toBeGreaterThan(pruned.canaries?.controlExposure ?? 1);

    // What they cost is part of the prediction: each is scored twice, without its last token, and routed once.
    const limit = { kind: 'bytes' as const, bytes: Math.ceil(weights * 0.9) };
    const [without, withOurs] = [
      await engine.call('fit.predict', { ...request, limit }),
      await engine.call('fit.predict', { ...ours, limit }),
    ];
    const own = 3 * tokens - 2 * lengths.length;
    expect(Math.abs(withOurs.tokens - without.tokens - own)).toBeLessThanOrEqual(1);

    // An own line whose answer the tokenizer joins with its context is refused before the search.
    const lines = canaryProbes.slice(0, 60).map((pair) => pair.join('\t'));
    const canaries = { source: 'own' as const, name: 'lines.tsv', lines };
    await expect(engine.call('fit.start', { ...request, limit, canaries })).rejects.toMatchObject({
      code: 'lost-continuation',
      message: expect.stringContaining('line 1"'),
    });
  },
  TEST_LIMIT_MS,
);

it('a search needs one item for profiles and two others for scores', () => {
  const parts = (profile: number, scoring: number) => () =>
    requireTwoParts({ profile: Array.from({ length: profile }), scoring: Array.from({ length: scoring }) }, 'tasks/t');
  expect(parts(1, 2)).not.toThrow();
  expect(parts(0, 3)).toThrow('tasks/t has 3 calibration items');
  expect(parts(1, 1)).toThrow('tasks/t has 2 calibration items');
});

it('a candidate is named by its method, gates, refit, count and type; an unpruned one by its type alone', () => {
  const reap = { method: 'reap', gates: 'folded', refit: true } as const;
  expect(candidateName(reap, '40', 'q6_k', true)).toBe('reap folded +recovery 40 q6_k');
  expect(candidateName({ ...reap, refit: false }, '40', 'q6_k', false)).toBe('reap 40 q6_k');
  expect(candidateName({ method: null, gates: null, refit: false }, '64', 'q6_k', false)).toBe('whole q6_k');
});
