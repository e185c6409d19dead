import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { matchesInTime } from '../../../main/checkpoint/check-tokenizer.ts';
import { loadTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { openModelRunner } from '../../open-model-runner.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { changeableCopy, checkpointFixture, editJson, scoringFixture } from './checkpoint-files.ts';

type Json = Record<string, unknown>;

const scored = (): Promise<string> => changeableCopy(scoringFixture('mixtral-byte-fallback'));

const withConfig = async (changes: Json, fixture = 'mixtral'): Promise<string> => {
  const folder = await changeableCopy(checkpointFixture(fixture));
  await editJson(path.join(folder, 'config.json'), (config) => Object.assign(config, changes));
  return folder;
};

test.each([
  ['num_hidden_layers', 1e5],
  ['num_hidden_layers', 1e7],
  ['num_hidden_layers', 2 ** 32],
  ['head_dim', 1e9],
  ['hidden_size', 1e300],
  ['num_attention_heads', 2 ** 53],
  ['vocab_size', 1e12],
])('config.json with %s %d is refused by name', async (key, value) => {
  const folder = await withConfig({ [key]: value });
  await expect(openCheckpoint(folder)).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringContaining(key === 'head_dim' ? String(value) : key),
  });
});

test('num_nextn_predict_layers 1e9 is refused by name', async () => {
  const folder = await withConfig({ num_nextn_predict_layers: 1e9 }, 'glm4_moe');
  await expect(openCheckpoint(folder)).rejects.toMatchObject({
    code: 'bad-config',
    message: expect.stringContaining('num_nextn_predict_layers'),
  });
});

test('values nested a million deep in config.json are refused', async () => {
  const folder = await changeableCopy(checkpointFixture('mixtral'));
  await writeFile(path.join(folder, 'config.json'), `{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`);
  await expect(openCheckpoint(folder)).rejects.toMatchObject({
    code: 'bad-json',
    message: expect.stringContaining('nested deeper than 200'),
  });
});

const withHeader = async (text: string): Promise<string> => {
  const folder = await changeableCopy(checkpointFixture('mixtral'));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFile(path.join(folder, 'model.safetensors'), Buffer.concat([length, Buffer.from(text)]));
  return folder;
};

test('headers that are nested, too long or of too many tensors are refused before they are parsed', async () => {
  const nested = await withHeader(`{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`);
  await expect(openCheckpoint(nested)).rejects.toMatchObject({ code: 'bad-safetensors' });
  const entries = Array.from(
    { length: 200_001 },
    (_, index) => `"${String(index)}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`,
  );
  const many = await withHeader(`{${entries.join(',')}}`);
  await expect(openCheckpoint(many)).rejects.toThrow('200001 tensors');
  const long = await withHeader('{');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(98_000_000n);
  const file = path.join(long, 'model.safetensors');
  await writeFile(file, length);
  await truncate(file, 99_000_000);
  await expect(openCheckpoint(long)).rejects.toThrow('its header claims 98000000 bytes');
});

const strangers: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  'a folder': (file) => mkdir(file),
  'a pipe': (file) => Promise.resolve(execFileSync('mkfifo', [file])),
  'a device': (file) => symlink('/dev/zero', file),
  'a link to itself': (file) => symlink(path.basename(file), file),
};

test
  .runIf(process.platform !== 'win32')
  .each(
    Object.keys(strangers).flatMap((stranger) =>
      ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'].map(
        (name) => [stranger, name] as const,
      ),
    ),
  )('%s in the place of %s is refused', async (stranger, name) => {
  const folder = await scored();
  await rm(path.join(folder, name));
  await strangers[stranger]?.(path.join(folder, name));
  const run = async (): Promise<unknown> => {
    const checkpoint = await openCheckpoint(folder);
    return loadTokenizer(folder, checkpoint.descriptor.vocabulary);
  };
  await expect(run()).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringMatching(/uncurl-test|\/dev\/zero/),
  });
});

test.each(['.', '..', '../weights', 'a\0b'])('a shard named %j is refused', async (shard) => {
  const folder = await changeableCopy(checkpointFixture('mixtral'));
  await rm(path.join(folder, 'model.safetensors'));
  await writeFile(path.join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: { a: shard } }));
  await expect(openCheckpoint(folder)).rejects.toMatchObject({ code: 'bad-json', kind: 'refused' });
});

/** The tokenizer of a fixture after `edit`, opened for a model of `vocabulary` tokens. */
const edited = async (edit: (tokenizer: Json, vocab: Json) => void, vocabulary: number | null = null) => {
  const folder = await scored();
  const file = path.join(folder, 'tokenizer.json');
  const tokenizer = Object(JSON.parse(await readFile(file, 'utf8'))) as Json;
  edit(tokenizer, Object((tokenizer['model'] as Json)['vocab']) as Json);
  await writeFile(file, JSON.stringify(tokenizer));
  return loadTokenizer(folder, vocabulary);
};

test.each([-1, 1.5, null, '3', 1e6])('a token with the id %j is refused before anything runs', async (id) => {
  const opened = edited((_, vocab) => {
    const [, token = ''] = Object.keys(vocab);
    vocab[token] = id;
  }, 1000);
  await expect(opened).rejects.toMatchObject({ code: 'bad-tokenizer', kind: 'refused' });
});

test('an added token beyond the vocabulary of the model is refused, also when the model is opened', async () => {
  const folder = await scored();
  await editJson(path.join(folder, 'tokenizer.json'), (tokenizer) => {
    tokenizer['added_tokens'] = [{ id: 1e6, content: '<far>', special: true }];
  });
  const checkpoint = await openCheckpoint(folder);
  const settings = { threads: 1, memoryBudgetBytes: 1e9, overlayFolder: await temporaryFolder() };
  await expect(openModelRunner(checkpoint, settings)).rejects.toMatchObject({
    code: 'bad-tokenizer',
    message: expect.stringMatching(/"<far>" has id 1000000, but the model has \d+ tokens/),
  });
});

test('a vocabulary of more than a million tokens is refused', async () => {
  const opened = edited((tokenizer) => {
    tokenizer['model'] = { type: 'Unigram', vocab: Array.from({ length: 1_000_001 }, () => 0) };
  });
  await expect(opened).rejects.toThrow('1000001 tokens');
});

test('replacements that double a text again and again are refused', async () => {
  const opened = edited((tokenizer) => {
    const double = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' };
    tokenizer['normalizer'] = { type: 'Sequence', normalizers: Array.from({ length: 40 }, () => double) };
  });
  await expect(opened).rejects.toThrow('replacements');
});

test('an endless pattern is stopped, and the text named', async () => {
  const tokenizer = await edited((json) => {
    json['pre_tokenizer'] = { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated', invert: false };
  });
  expect(() => tokenizer?.encode(`${'a'.repeat(60)}!`, false)).toThrow(/"aaaaaaa.*not turned into tokens in time/);
  expect(tokenizer?.encode('a', false).length).toBeGreaterThan(0);
});

const ofType = (type: string, more: Json): Json => ({ type, ...more });
const sequenceA = { Sequence: { id: 'A', type_id: 0 } };

test.each<[string, Json]>([
  [
    'a mark for spaces of a thousand characters',
    { pre_tokenizer: ofType('Metaspace', { replacement: 'x'.repeat(1e3) }) },
  ],
  [
    'replacements between words',
    { pre_tokenizer: ofType('Replace', { pattern: { String: 'a' }, content: 'a'.repeat(100) }) },
  ],
  [
    'a template that repeats the text',
    { post_processor: ofType('TemplateProcessing', { single: Array.from({ length: 1000 }, () => sequenceA) }) },
  ],
  [
    'decoders that double a text again and again',
    {
      decoder: ofType('Sequence', {
        decoders: Array.from({ length: 40 }, () => ofType('Replace', { pattern: { String: 'a' }, content: 'aa' })),
      }),
    },
  ],
  ['a beginning of a million characters', { normalizer: ofType('Prepend', { prepend: 'x'.repeat(1e6) }) }],
])('%s is refused', async (_what, parts) => {
  await expect(edited((tokenizer) => Object.assign(tokenizer, parts))).rejects.toMatchObject({ code: 'bad-tokenizer' });
});

test('a decoder with an endless pattern is stopped', async () => {
  const tokenizer = await edited((json) => {
    const endless = ofType('Replace', { pattern: { Regex: '(a+)+$' }, content: '' });
    json['decoder'] = ofType('Sequence', { decoders: [ofType('Fuse', {}), endless] });
  });
  const ids = tokenizer?.encode(`${'a'.repeat(60)}!`, false) ?? [];
  expect(() => tokenizer?.decode(ids)).toThrow('tokens were not turned into a text in time');
});

test('what the library throws at a text is reported as an unsound tokenizer', async () => {
  const tokenizer = await edited((json) => {
    json['post_processor'] = ofType('TemplateProcessing', { single: 7, pair: [], special_tokens: {} });
  });
  expect(() => tokenizer?.encode('a', true)).toThrow(
    expect.objectContaining({ code: 'bad-tokenizer', kind: 'refused' }),
  );
});

test.each([[1], 'x', { bos_token: 7 }])('a tokenizer_config.json that is %j is refused by name', async (config) => {
  const folder = await scored();
  await writeFile(path.join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  await expect(loadTokenizer(folder)).rejects.toMatchObject({
    code: 'bad-tokenizer',
    message: expect.stringContaining('tokenizer_config.json'),
  });
});

test('patterns that repeat a group of alternatives or repetitions get a deadline, published ones do not', () => {
  const isInTime = (pattern: string): boolean => matchesInTime({ pre_tokenizer: { pattern: { Regex: pattern } } });
  for (const pattern of ['(a+)+$', '((a+))+', '(a|aa)*b', '(?:x*)*', '(a{1,}){2,}', '(\\w+\\s?)+!'])
    expect(isInTime(pattern), pattern).toBe(false);
  const published = [
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+",
    '[\\(+*]+|(?:\\))',
  ];
  for (const pattern of published) expect(isInTime(pattern), pattern).toBe(true);
});
