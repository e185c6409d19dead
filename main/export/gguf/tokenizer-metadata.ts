import { createHash } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { MOST_TENSORS, boundedList, boundedRecord, boundedText } from '../../contract/bounds.ts';
import { MAX_MERGES } from '../../checkpoint/check-tokenizer.ts';
import { loadTokenizer, MAX_TOKENIZER_BYTES, type TextTokenizer } from '../../checkpoint/load-tokenizer.ts';
import { refuse } from '../../contract/errors.ts';
import { readJsonIfThere } from '../../files/parse-json.ts';
import { readTextIfThere } from '../../files/regular-file.ts';
import { MAX_TEMPLATE_BYTES } from '../../tasks/chat/chat-template.ts';
import type { GgufValue } from '../../checkpoint/gguf/gguf-metadata.ts';
import { SPACE_MARK, tokenTypes } from '../../checkpoint/gguf/gguf-tokenizer.ts';
import type { GgufMetadata } from './gguf-header.ts';

export interface GgufTokenizer {
  readonly metadata: GgufMetadata;
  readonly warnings: readonly string[];
}

const merge = z.union([
  z.tuple([boundedText, boundedText]),
  boundedText.transform((pair): [string, string] => {
    const space = pair.indexOf(' ');
    return [pair.slice(0, space), pair.slice(space + 1)];
  }),
]);
const part = z.looseObject({ type: boundedText });
const step = part
  .extend({ normalizers: boundedList(part).optional(), pretokenizers: boundedList(part).optional() })
  .nullish();
const tokenizerFile = z.looseObject({
  added_tokens: boundedList(z.looseObject({ id: z.number(), content: boundedText, special: z.boolean() })).default([]),
  normalizer: step,
  pre_tokenizer: step,
  model: z.looseObject({
    type: boundedText,
    vocab: boundedRecord(boundedText, z.number(), MOST_TENSORS),
    merges: z.array(merge).max(MAX_MERGES),
    unk_token: boundedText.nullish(),
    byte_fallback: z.boolean().default(false),
  }),
});
type TokenizerFile = z.infer<typeof tokenizerFile>;

const byteToken = /^<0x[0-9A-F]{2}>$/;

const refusal = (what: string): Error =>
  refuse(
    'tokenizer-not-for-llama-cpp',
    `llama.cpp would not turn text into the same tokens: ${what}.`,
    'Export it as hf, whose loaders read tokenizer.json itself.',
  );

/**
 * The tokenizer of a model as metadata of a GGUF file: byte-level BPE (`gpt2`), BPE with byte fallback as in
 * SentencePiece models (`llama`), or single characters (`t5`, llama.cpp's only kind with an unknown token).
 *
 * @throws WorkbenchError `tokenizer-not-for-llama-cpp`.
 */
export const ggufTokenizer = async (folder: string, vocabulary: number): Promise<GgufTokenizer> => {
  const tokenizer = await loadTokenizer(folder);
  const file = await readJsonIfThere(
    path.join(folder, 'tokenizer.json'),
    tokenizerFile,
    { mostBytes: MAX_TOKENIZER_BYTES },
    otherForm('tokenizer.json'),
  );
  if (file === null || tokenizer === null)
    throw refusal('there is no tokenizer.json, and it cannot load a model without one');
  if (file.model.type !== 'BPE') throw refusal(`its model is ${file.model.type}, not BPE`);
  const tokens = tokensById(file, vocabulary);
  const kind = describeKind(file, tokenizer, tokens);
  const special = await specialTokens(folder, tokenizer, tokens);
  return {
    metadata: new Map<string, GgufValue>([
      ...kind.metadata,
      ['tokenizer.ggml.token_type', { kind: 'int32s', value: typesOf(file, tokens, kind.plainSpecials) }],
      ...special,
    ]),
    warnings: kind.warnings,
  };
};

const otherForm =
  (name: string) =>
  (cause: unknown): Error =>
    refusal(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`);

/** Token by id; null: the embedding has a row for the id, but the tokenizer no token. */
const tokensById = ({ model, added_tokens: added }: TokenizerFile, vocabulary: number): readonly (string | null)[] => {
  const tokens: (string | null)[] = Array.from({ length: vocabulary }, () => null);
  for (const [token, id] of [
    ...Object.entries(model.vocab),
    ...added.map((each) => [each.content, each.id] as const),
  ]) {
    if (id >= vocabulary)
      throw refusal(
        `token ${JSON.stringify(token)} has id ${String(id)}, but the model has ${String(vocabulary)} tokens`,
      );
    tokens[id] = token;
  }
  return tokens;
};

interface Kind extends GgufTokenizer {
  /** Whether special tokens are recognised in plain text, as by the model's own tokenizer. */
  readonly plainSpecials: boolean;
}

const partsOf = (of: TokenizerFile['normalizer']): readonly string[] =>
  of === null || of === undefined
    ? []
    : [of.type, ...[...(of.normalizers ?? []), ...(of.pretokenizers ?? [])].map(({ type }) => type)];

const describeKind = (file: TokenizerFile, tokenizer: TextTokenizer, tokens: readonly (string | null)[]): Kind => {
  const { model } = file;
  const [normalizer, preTokenizer] = [partsOf(file.normalizer), partsOf(file.pre_tokenizer)];
  if (preTokenizer.includes('ByteLevel')) return byteLevel(file, tokenizer, tokens);
  if (model.byte_fallback && (normalizer.includes('Replace') || preTokenizer.includes('Metaspace')))
    return sentencePiece(file, tokens, tokenizer);
  if (model.merges.length === 0 && normalizer.length === 0 && preTokenizer.length === 0)
    return characters(file, tokens);
  throw refusal('it is neither byte-level BPE, nor BPE with byte fallback, nor single characters');
};

const words = (value: string): GgufValue => ({ kind: 'string', value });
const padded = (tokens: readonly (string | null)[]): GgufValue => ({
  kind: 'strings',
  value: tokens.map((token, id) => token ?? `[PAD${String(id)}]`),
});

const byteLevel = ({ model }: TokenizerFile, tokenizer: TextTokenizer, tokens: readonly (string | null)[]): Kind => {
  const ids = `[${tokenizer.encode(CHECK_TEXT, true).join(', ')}]`;
  const hash = createHash('sha256').update(ids).digest('hex');
  const pre = preTokenizers.get(hash);
  if (pre === undefined)
    throw refusal(`its rule for splitting text is unknown to llama.cpp (the check text gives ${hash.slice(0, 16)}…)`);
  return {
    metadata: new Map<string, GgufValue>([
      ['tokenizer.ggml.model', words('gpt2')],
      ['tokenizer.ggml.pre', words(pre)],
      ['tokenizer.ggml.tokens', padded(tokens)],
      ['tokenizer.ggml.merges', { kind: 'strings', value: model.merges.map((pair) => pair.join(' ')) }],
    ]),
    warnings: [],
    plainSpecials: false,
  };
};

const sentencePiece = (file: TokenizerFile, tokens: readonly (string | null)[], tokenizer: TextTokenizer): Kind => {
  const added = new Set(file.added_tokens.map(({ content }) => content));
  const pieces = Object.keys(file.model.vocab).filter((token) => !added.has(token) && !byteToken.test(token));
  const scores = mergeScores(pieces, file.model.merges);
  if (typeof scores === 'string') throw refusal(scores);
  const first = tokenizer.encode('a', false);
  const prefixed = first.some((id) => tokens[id]?.startsWith(SPACE_MARK));
  return {
    metadata: new Map<string, GgufValue>([
      ['tokenizer.ggml.model', words('llama')],
      ['tokenizer.ggml.pre', words('default')],
      ['tokenizer.ggml.tokens', padded(tokens)],
      [
        'tokenizer.ggml.scores',
        { kind: 'float32s', value: tokens.map((token) => (token === null ? 0 : (scores.get(token) ?? 0))) },
      ],
      ['tokenizer.ggml.add_space_prefix', { kind: 'bool', value: prefixed }],
    ]),
    warnings: [],
    plainSpecials: false,
  };
};

const characters = (file: TokenizerFile, tokens: readonly (string | null)[]): Kind => {
  const unknown = file.model.unk_token ?? null;
  if (unknown === null) throw refusal('it has single characters but no unknown token');
  const long = Object.keys(file.model.vocab).find((token) => token !== unknown && Array.from(token).length !== 1);
  if (long !== undefined) throw refusal(`nothing merges into its token ${JSON.stringify(long)}`);
  if (tokens.includes(SPACE_MARK)) throw refusal(`it has the token ${SPACE_MARK}, which means a space in llama.cpp`);
  return {
    metadata: new Map<string, GgufValue>([
      ['tokenizer.ggml.model', words('t5')],
      ['tokenizer.ggml.pre', words('default')],
      ['tokenizer.ggml.tokens', padded(tokens.map((token) => (token === ' ' ? SPACE_MARK : token)))],
      ['tokenizer.ggml.scores', { kind: 'float32s', value: tokens.map(() => 0) }],
      ['tokenizer.ggml.add_space_prefix', { kind: 'bool', value: false }],
      ['tokenizer.ggml.remove_extra_whitespaces', { kind: 'bool', value: false }],
    ]),
    warnings: [
      'Characters outside the vocabulary: llama.cpp makes one unknown token of a run of them, the model one each.',
    ],
    plainSpecials: true,
  };
};

const typesOf = (
  { added_tokens: added, model }: TokenizerFile,
  tokens: readonly (string | null)[],
  plainSpecials: boolean,
): readonly number[] => {
  const addedByToken = new Map(added.map((each) => [each.content, each]));
  return tokens.map((token) => {
    if (token === null) return tokenTypes.unused;
    if (token === model.unk_token) return tokenTypes.unknown;
    if (model.byte_fallback && byteToken.test(token)) return tokenTypes.byte;
    const addedToken = addedByToken.get(token);
    if (addedToken === undefined) return tokenTypes.normal;
    return addedToken.special && !plainSpecials ? tokenTypes.control : tokenTypes.userDefined;
  });
};

const named = z.union([boundedText, z.object({ content: boundedText }).transform(({ content }) => content)]).nullish();
const tokenizerConfig = z.looseObject({
  bos_token: named,
  eos_token: named,
  unk_token: named,
  pad_token: named,
  chat_template: z.unknown().optional(),
});

const roles = [
  { role: 'bos_token', key: 'bos_token_id' },
  { role: 'eos_token', key: 'eos_token_id' },
  { role: 'unk_token', key: 'unknown_token_id' },
  { role: 'pad_token', key: 'padding_token_id' },
] as const;

/** Ids of special tokens, whether they are added around every text, and the chat template. */
const specialTokens = async (
  folder: string,
  tokenizer: TextTokenizer,
  tokens: readonly (string | null)[],
): Promise<readonly (readonly [string, GgufValue])[]> => {
  const config =
    (await readJsonIfThere(
      path.join(folder, 'tokenizer_config.json'),
      tokenizerConfig,
      { mostBytes: MAX_TOKENIZER_BYTES },
      otherForm('tokenizer_config.json'),
    )) ?? tokenizerConfig.parse({});
  const idOf = (token: string | null | undefined): number =>
    token === null || token === undefined ? -1 : tokens.indexOf(token);
  const [bos, eos] = [idOf(config.bos_token), idOf(config.eos_token)];
  const [bare, whole] = [tokenizer.encode('a', false), tokenizer.encode('a', true)];
  const added = [bos, ...bare, eos].filter((id) => id !== -1);
  const matches = (list: readonly number[]): boolean => String(list) === String(whole);
  const before = bos !== -1 && (matches([bos, ...bare]) || matches(added));
  const after = eos !== -1 && (matches([...bare, eos]) || matches(added));
  if (!before && !after && !matches(bare))
    throw refusal('it adds other tokens to a text than one before and one after it');
  const separate = path.join(folder, 'chat_template.jinja');
  const template = (await readTextIfThere(separate, { mostBytes: MAX_TEMPLATE_BYTES })) ?? config.chat_template;
  return [
    ...roles.flatMap(({ role, key }) => {
      const id = idOf(config[role]);
      return id === -1 ? [] : [[`tokenizer.ggml.${key}`, { kind: 'uint32', value: id }] as const];
    }),
    ['tokenizer.ggml.add_bos_token', { kind: 'bool', value: before }],
    ['tokenizer.ggml.add_eos_token', { kind: 'bool', value: after }],
    ...(typeof template === 'string' ? [['tokenizer.chat_template', words(template)] as const] : []),
  ];
};

/**
 * Scores with which llama.cpp's SentencePiece tokenizer, which first joins the pair with the best result, joins pairs
 * in the order of a list of merges. Returns the reason if there are none, since a list of merges can express more than
 * scores (which parts may be joined, and other results between two ways to the same).
 */
export const mergeScores = (
  pieces: readonly string[],
  merges: readonly (readonly [string, string])[],
): ReadonlyMap<string, number> | string => {
  const known = new Set(pieces);
  const listed = new Set<string>();
  const scores = new Map<string, number>();
  let last = '';
  for (const [left, right] of merges) {
    const whole = left + right;
    listed.add(keyOf(left, right));
    if (whole === last) continue;
    if (scores.has(whole)) return `its merges return to ${JSON.stringify(whole)}, which scores cannot express`;
    scores.set(whole, -scores.size - 1);
    last = whole;
  }
  for (const piece of pieces) {
    const characters = Array.from(piece);
    for (let cut = 1; cut < characters.length; cut += 1) {
      const [left, right] = [characters.slice(0, cut).join(''), characters.slice(cut).join('')];
      if (known.has(left) && known.has(right) && !listed.has(keyOf(left, right)))
        return `its merges do not join ${JSON.stringify(left)} and ${JSON.stringify(right)}, but scores would`;
    }
  }
  return scores;
};

const keyOf = (left: string, right: string): string => `${left}\n${right}`;

/**
 * Rules that split a text before byte-level BPE. llama.cpp knows them by name, not from a file, and finds the name by
 * the SHA-256 of the token ids (as printed by Python as a list) for a fixed text. Text, hashes and names are from
 * llama.cpp's conversion/base.py, for the families that are exported.
 */
const CHECK_TEXT =
  '\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n🚀 (normal) 😶\u200d🌫\ufe0f (multiple ' +
  'emojis concatenated) ✅ 🦙🦙 3 33 333 3333 33333 333333 3333333' +
  ' 33333333 3.3 3..3 3...3 កាន់តែពិសេសអាច😁 ?我想在apple工作1314151天' +
  "～ ------======= нещо на Български ''''''```````\"\"\"\"......!!!" +
  "!!!?????? I've been 'told he's there, 'RE you sure? 'M not s" +
  "ure I'll make it, 'D you like some tea? We'Ve a'lL";

const preTokenizers: ReadonlyMap<string, string> = new Map([
  ['b6e8e1518dc4305be2fe39c313ed643381c4da5db34a98f6a04c093f8afbe99b', 'chatglm-bpe'],
  ['81d72c7348a9f0ebe86f23298d37debe0a5e71149e29bd283904c02262b27516', 'chatglm-bpe'],
  ['a1336059768a55c99a734006ffb02203cd450fed003e9a71886c88acf24fdbc2', 'glm4'],
  ['9ca2dd618e8afaf09731a7cf6e2105b373ba6a1821559f258b272fe83e6eb902', 'glm4'],
  ['cdf5f35325780597efd76153d4d1c16778f766173908894c04afc20108536267', 'glm4'],
  ['d4540891389ea895b53b399da6ac824becc30f2fba0e9ddbb98f92e55ca0e97c', 'qwen2'],
  ['0fe1cf6eda062318a1af7270f3331a85c539a01778ff948e24388e949c5282f4', 'gpt-2'],
  ['0ef9807a4087ebef797fc749390439009c3b9eda9ad1a097abbe738f486c01e5', 'llama-bpe'],
  ['049ecf7629871e3041641907f3de7c733e4dbfdc736f57d882ba0b0845599754', 'deepseek-llm'],
  ['347715f544604f9118bb75ed199f68779f423cabb20db6de6f31b908d04d7821', 'deepseek-coder'],
  ['3ce83efda5659b07b1ad37ca97ca5797ea4285d9b9ab0dc679e4a720c9da7454', 'gpt-2'],
  ['6221ad2852e85ce96f791f476e0b390cf9b474c9e3d1362f53a24a06dc8220ff', 'refact'],
  ['e636dc30a262dcc0d8c323492e32ae2b70728f4df7dfe9737d9f920a282b8aea', 'qwen2'],
  ['b6dc8df998e1cfbdc4eac8243701a65afe638679230920b50d6f17d81c098166', 'olmo'],
  ['63b97e4253352e6f357cc59ea5b583e3a680eaeaf2632188c2b952de2588485e', 'tekken'],
  ['877081d19cf6996e2c4ff0e1236341e9b7bde288f5311a56a937f0afbbb3aeb5', 'deepseek-v3'],
  ['ccc2ef013c104be7bae2965776d611e1d7a8a2a9c547dd93a682c9a9fc80352e', 'gpt-4o'],
  ['0e9433cbbb161f89e264eb32e8e64bfe69e834973ffca5d41d3948a604a3e2a3', 'pixtral'],
]);
