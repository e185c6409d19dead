import { createHash } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { loadTokenizer, MAX_TOKENIZER_BYTES, type TextTokenizer } from '../../checkpoint/load-tokenizer.ts';
import { refuse } from '../../contract/errors.ts';
import { readJsonIfThere } from '../../files/read-json-file.ts';
import { readTextIfThere } from '../../files/regular-file.ts';
import { MAX_TEMPLATE_BYTES } from '../../tasks/chat/read-chat-template.ts';
import type { GgufMetadata, GgufValue } from './gguf-header.ts';
import { mergeScores } from './merge-scores.ts';
import { CHECK_TEXT, preTokenizers } from './pre-tokenizers.ts';

export interface GgufTokenizer {
  readonly metadata: GgufMetadata;
  readonly warnings: readonly string[];
}

const merge = z.union([
  z.tuple([z.string(), z.string()]),
  z.string().transform((pair): [string, string] => {
    const space = pair.indexOf(' ');
    return [pair.slice(0, space), pair.slice(space + 1)];
  }),
]);
const part = z.looseObject({ type: z.string() });
const step = part.extend({ normalizers: z.array(part).optional(), pretokenizers: z.array(part).optional() }).nullish();
const tokenizerFile = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.number(), content: z.string(), special: z.boolean() })).default([]),
  normalizer: step,
  pre_tokenizer: step,
  model: z.looseObject({
    type: z.string(),
    vocab: z.record(z.string(), z.number()),
    merges: z.array(merge),
    unk_token: z.string().nullish(),
    byte_fallback: z.boolean().default(false),
  }),
});
type TokenizerFile = z.infer<typeof tokenizerFile>;

/** Types of tokens (llama.h, `enum llama_token_type`). */
const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
/** Marks a space in the pieces of a SentencePiece vocabulary. */
const SPACE_MARK = '\u2581';
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
    const own = addedByToken.get(token);
    if (own === undefined) return tokenTypes.normal;
    return own.special && !plainSpecials ? tokenTypes.control : tokenTypes.userDefined;
  });
};

const named = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]).nullish();
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
