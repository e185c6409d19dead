import { refuse, WorkbenchError } from '../../contract/errors.ts';
import { type GgufContents, type MetadataValue, readGguf } from './read-gguf.ts';

/** The tokenizer of a GGUF file in the form of tokenizer.json and tokenizer_config.json. */
export interface TokenizerTexts {
  readonly tokenizer: string;
  readonly config: string;
}

/** Types of tokens (llama.h, `enum llama_token_type`). */
export const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
/** Marks a space in the pieces of a SentencePiece vocabulary. */
export const SPACE_MARK = '\u2581';

/** How texts are prepared for byte-level BPE: composed (NFC) or not, and split; without patterns as by GPT-2. */
interface Split {
  readonly composed: boolean;
  readonly patterns: readonly string[];
}

/**
 * Splits by the names of llama.cpp (llama-vocab.cpp), with the patterns and the normalisation of the tokenizer.json of
 * the families that have them. Other names are refused.
 */
const splits: ReadonlyMap<string, Split> = new Map<string, Split>([
  ['default', { composed: false, patterns: [] }],
  ['gpt-2', { composed: false, patterns: [] }],
  ['olmo', { composed: true, patterns: [] }],
  [
    'qwen2',
    {
      composed: true,
      patterns: [
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[" +
          '\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
      ],
    },
  ],
  [
    'llama-bpe',
    {
      composed: false,
      patterns: [
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N" +
          '}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
      ],
    },
  ],
  [
    'gpt-4o',
    {
      composed: false,
      patterns: [
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s" +
          "|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll" +
          "}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[" +
          '\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
      ],
    },
  ],
  [
    'deepseek-v3',
    {
      composed: false,
      patterns: [
        '\\p{N}{1,3}',
        '[一-龥぀-ゟ゠-ヿ]+',
        '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]' +
          '+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
      ],
    },
  ],
]);

const UNKNOWN = 'gguf-tokenizer-unknown';

type Json = Readonly<Record<string, unknown>>;

/** Reads the keys of a file's tokenizer. */
class TokenizerKeys {
  readonly #metadata: ReadonlyMap<string, { readonly value: MetadataValue }>;
  readonly #file: string;

  constructor(metadata: ReadonlyMap<string, { readonly value: MetadataValue }>, file: string) {
    this.#metadata = metadata;
    this.#file = file;
  }

  raw(key: string): MetadataValue | undefined {
    return this.#metadata.get(`tokenizer.ggml.${key}`)?.value;
  }

  strings(key: string): readonly string[] {
    const value = this.raw(key);
    const all = Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
    if (!Array.isArray(value) || all.length !== value.length)
      throw this.refusal(`"tokenizer.ggml.${key}" is no list of texts`);
    return all;
  }

  /** A number for every token; null if the key is missing. */
  numbers(key: string, count: number): readonly number[] | null {
    const value = this.raw(key);
    if (value === undefined) return null;
    const all = Array.isArray(value) ? value.filter((each): each is number => typeof each === 'number') : [];
    if (all.length !== count)
      throw this.refusal(`"tokenizer.ggml.${key}" has ${all.length} numbers for ${count} tokens`);
    return all;
  }

  /** The token with the id that a key states. */
  token(key: string, tokens: readonly string[]): string | null {
    const id = this.raw(key);
    if (id === undefined) return null;
    const token = typeof id === 'number' ? tokens[id] : undefined;
    if (token === undefined) throw this.refusal(`"tokenizer.ggml.${key}" is ${JSON.stringify(id)}, which is no token`);
    return token;
  }

  refusal(what: string): Error {
    return refuse(
      UNKNOWN,
      `${this.#file}: ${what}.`,
      'info, forward and export work without a tokenizer; tasks need one that is read here.',
    );
  }
}

/** The tokenizer of a GGUF file, or a sentence that says why it has none that is read here. */
export const ggufTokenizer = (contents: GgufContents): TokenizerTexts | string => {
  try {
    return tokenizerIn(contents);
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === UNKNOWN) return error.message;
    throw error;
  }
};

/** The same by the path of the file; null without one that is read here, which the model's facts explain. */
export const readGgufTokenizer = async (file: string): Promise<TokenizerTexts | null> => {
  const found = ggufTokenizer(await readGguf(file));
  return typeof found === 'string' ? null : found;
};

/**
 * The tokenizer in a GGUF file's metadata: byte-level BPE (`gpt2`), SentencePiece's BPE with byte fallback (`llama`),
 * or single characters (`t5`).
 *
 * @throws WorkbenchError `gguf-tokenizer-unknown` for other kinds, by name.
 */
const tokenizerIn = ({ metadata, file }: GgufContents): TokenizerTexts => {
  const keys = new TokenizerKeys(metadata, file);
  const model = keys.raw('model');
  if (model === undefined) throw keys.refusal('it has no tokenizer');
  const tokens = keys.strings('tokens');
  const types = keys.numbers('token_type', tokens.length) ?? tokens.map(() => tokenTypes.normal);
  const [bos, eos] = [keys.token('bos_token_id', tokens), keys.token('eos_token_id', tokens)];
  const unknown = keys.token('unknown_token_id', tokens);
  const added = tokens.flatMap((content, id) => {
    const type = types[id];
    return type === tokenTypes.control || type === tokenTypes.userDefined || type === tokenTypes.unknown
      ? [
          {
            id,
            content,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            // Files of single characters have special tokens as user-defined ones, so that texts can contain them.
            special: type !== tokenTypes.userDefined || model === 't5',
          },
        ]
      : [];
  });
  const vocabulary = { tokens, types, unknown };
  const kind = typeof model === 'string' ? kinds.get(model)?.(keys, vocabulary) : undefined;
  if (kind === undefined)
    throw keys.refusal(`its tokenizer is ${JSON.stringify(model)}; only ${[...kinds.keys()].join(', ')} are read`);
  return {
    tokenizer: JSON.stringify({
      version: '1.0',
      added_tokens: added,
      post_processor: aroundTexts(keys, tokens, model === 'llama'),
      ...kind,
    }),
    config: JSON.stringify({
      ...(bos === null ? {} : { bos_token: bos }),
      ...(eos === null ? {} : { eos_token: eos }),
      ...(unknown === null ? {} : { unk_token: unknown }),
    }),
  };
};

interface Vocabulary {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  readonly unknown: string | null;
}

/** Tokens that are neither rows without a token nor added ones have their ids in the vocabulary. */
const vocabularyOf = ({ tokens, types }: Vocabulary): Readonly<Record<string, number>> =>
  Object.fromEntries(tokens.flatMap((token, id) => (types[id] === tokenTypes.unused ? [] : [[token, id] as const])));

const byteLevel = (keys: TokenizerKeys, vocabulary: Vocabulary): Json => {
  const pre = keys.raw('pre') ?? 'default';
  const split = typeof pre === 'string' ? splits.get(pre) : undefined;
  if (split === undefined)
    throw keys.refusal(
      `its rule for splitting texts, ${JSON.stringify(pre)}, is not read (only ${[...splits.keys()].join(', ')})`,
    );
  const { composed, patterns } = split;
  const isPlain = patterns.length === 0;
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: isPlain };
  const splitters = patterns.map((pattern) => ({
    type: 'Split',
    pattern: { Regex: pattern },
    behavior: 'Isolated',
    invert: false,
  }));
  return {
    normalizer: composed ? { type: 'NFC' } : null,
    pre_tokenizer: isPlain ? bytes : { type: 'Sequence', pretokenizers: [...splitters, bytes] },
    decoder: bytes,
    model: {
      type: 'BPE',
      unk_token: null,
      byte_fallback: false,
      fuse_unk: false,
      vocab: vocabularyOf(vocabulary),
      merges: keys.strings('merges'),
    },
  };
};

/**
 * SentencePiece joins the pair whose result has the best score; as merges: all ways to make a piece of two others, in
 * the order of their results' scores.
 */
const sentencePiece = (keys: TokenizerKeys, vocabulary: Vocabulary): Json => {
  const { tokens, types, unknown } = vocabulary;
  const scores = keys.numbers('scores', tokens.length);
  if (scores === null) throw keys.refusal('"tokenizer.ggml.scores" is missing');
  const pieces = new Map(
    tokens.flatMap((token, id) => (types[id] === tokenTypes.normal ? [[token, id] as const] : [])),
  );
  const merges = [...pieces]
    .sort(([, a], [, b]) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b)
    .flatMap(([piece]) => {
      const characters = Array.from(piece);
      return characters
        .slice(1)
        .map((_, cut) => [characters.slice(0, cut + 1).join(''), characters.slice(cut + 1).join('')] as const)
        .filter(([left, right]) => pieces.has(left) && pieces.has(right));
    });
  const prefixed = keys.raw('add_space_prefix') !== false;
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        ...(prefixed ? [{ type: 'Prepend', prepend: SPACE_MARK }] : []),
        { type: 'Replace', pattern: { String: ' ' }, content: SPACE_MARK },
      ],
    },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE_MARK }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefixed ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      unk_token: unknown,
      byte_fallback: true,
      fuse_unk: true,
      vocab: vocabularyOf(vocabulary),
      merges,
    },
  };
};

/** Single characters and an unknown token, for which llama.cpp has only the kind of T5. */
const characters = (keys: TokenizerKeys, { tokens, types, unknown }: Vocabulary): Json => {
  const spaced = tokens.map((token) => (token === SPACE_MARK ? ' ' : token));
  const long = spaced.find((token, id) => types[id] === tokenTypes.normal && Array.from(token).length !== 1);
  if (long !== undefined || unknown === null)
    throw keys.refusal(
      `its tokenizer is that of T5, which is read for single characters with an unknown token, but ` +
        (long === undefined ? 'there is none' : `it has the token ${JSON.stringify(long)}`),
    );
  return {
    normalizer: null,
    pre_tokenizer: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      unk_token: unknown,
      byte_fallback: false,
      fuse_unk: false,
      vocab: vocabularyOf({ tokens: spaced, types, unknown }),
      merges: [],
    },
  };
};

const kinds: ReadonlyMap<string, (keys: TokenizerKeys, vocabulary: Vocabulary) => Json> = new Map([
  ['gpt2', byteLevel],
  ['llama', sentencePiece],
  ['t5', characters],
]);

/** Tokens before and after every text; SentencePiece's has BOS before it where the file does not say. */
const aroundTexts = (keys: TokenizerKeys, tokens: readonly string[], isSentencePiece: boolean): Json | null => {
  const special = (
    role: 'bos' | 'eos',
    isDefault: boolean,
  ): readonly { readonly token: string; readonly id: number }[] => {
    if ((keys.raw(`add_${role}_token`) ?? isDefault) !== true) return [];
    const token = keys.token(`${role}_token_id`, tokens);
    const id = keys.raw(`${role}_token_id`);
    return token === null || typeof id !== 'number' ? [] : [{ token, id }];
  };
  const [before, after] = [special('bos', isSentencePiece), special('eos', false)];
  if (before.length + after.length === 0) return null;
  const single = [
    ...before.map(({ token }) => ({ SpecialToken: { id: token, type_id: 0 } })),
    { Sequence: { id: 'A', type_id: 0 } },
    ...after.map(({ token }) => ({ SpecialToken: { id: token, type_id: 0 } })),
  ];
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: Object.fromEntries(
      [...before, ...after].map(({ token, id }) => [token, { id: token, ids: [id], tokens: [token] }]),
    ),
  };
};
