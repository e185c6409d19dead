import { createContext, Script } from 'node:vm';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { boundedRecord, boundedText } from '../contract/bounds.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { parseModelJson } from '../files/parse-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { isGgufPath } from '../files/list-folder.ts';
import { readGgufTokenizer } from './gguf/gguf-tokenizer.ts';
import { checkTokenizer, matchesInTime } from './check-tokenizer.ts';

/** Converts text to token ids and back with a checkpoint's own tokenizer.json. */
export interface TextTokenizer {
  /** `special`: add the tokens of the post-processor (such as BOS). */
  encode(text: string, special: boolean): readonly number[];
  decode(ids: readonly number[]): string;
  /** The same without special tokens. */
  decodeText(ids: readonly number[]): string;
  /** BOS, or EOS if there is no BOS: precedes a text without context; null if neither is known. */
  readonly prefixToken: number | null;
  /** EOS as named in tokenizer_config.json; null if it names none or one without an id. */
  readonly endToken: { readonly id: number; readonly text: string } | null;
}

const specialToken = z.union([boundedText, z.object({ content: boundedText }).transform(({ content }) => content)]);
const tokenizerConfig = z.looseObject({ bos_token: specialToken.nullish(), eos_token: specialToken.nullish() });

/**
 * The largest published tokenizer.json has 33 MB; one of three million tokens has 60 MB, and takes ten times as much
 * memory.
 */
export const MAX_TOKENIZER_BYTES = 48 * 2 ** 20;
/** Time limit for opening a tokenizer, ample even on a busy machine. */
const OPENING_MS = 30_000;
/** Time limit for encoding or decoding a text under a deadline, and its extension per character or token. */
const ENCODING_MS = 1_500;
const ENCODING_MS_PER_PIECE = 0.05;
/** Longer texts always have a deadline: quadratic time becomes noticeable there. */
const WATCHED_FROM = 8_192;

const readOptional = async (file: string): Promise<string | null> => {
  try {
    return await readTextIfThere(file, { mostBytes: MAX_TOKENIZER_BYTES });
  } catch (cause) {
    throw refuse(
      'bad-tokenizer',
      cause instanceof Error ? cause.message : `${file} cannot be read.`,
      cause instanceof WorkbenchError ? cause.remedy : "Check the file's permissions.",
      cause,
    );
  }
};

const parsedConfig = (file: string, text: string): z.infer<typeof tokenizerConfig> => {
  const parsed = tokenizerConfig.safeParse(parseModelJson(file, text));
  if (parsed.success) return parsed.data;
  throw refuse(
    'bad-tokenizer',
    `${file}: ${z.prettifyError(parsed.error)}`,
    "Fetch the file again from the model's source.",
    parsed.error,
  );
};

/**
 * Loads the tokenizer of a model folder or GGUF file; null if it has none. `vocabulary`: rows of the model's embedding,
 * which bounds ids. If patterns may take exponential time, a text that is not encoded in time is refused.
 *
 * @throws WorkbenchError `bad-tokenizer`, `bad-json`; encoding and decoding: `tokenizer-too-slow`, `bad-tokenizer`.
 */
export const loadTokenizer = async (
  folder: string,
  vocabulary: number | null = null,
): Promise<TextTokenizer | null> => {
  const file = path.join(folder, 'tokenizer.json');
  const configFile = path.join(folder, 'tokenizer_config.json');
  const texts = isGgufPath(folder)
    ? await readGgufTokenizer(folder)
    : { tokenizer: await readOptional(file), config: await readOptional(configFile) };
  const text = texts?.tokenizer ?? null;
  if (text === null) return null;
  const config = parsedConfig(configFile, texts?.config ?? '{}');
  const json = boundedRecord(boundedText, z.unknown()).safeParse(parseModelJson(file, text));
  if (!json.success) throw refuse('bad-tokenizer', `${file} is not an object.`, REMEDY);
  checkTokenizer(file, json.data, vocabulary);
  const tooSlow = (what: string): Error =>
    refuse('tokenizer-too-slow', `${file}: ${what}.`, 'Check its regular expressions, or use another tokenizer.');
  let tokenizer: Tokenizer;
  try {
    tokenizer = withinDeadline(
      OPENING_MS,
      () => tooSlow(`it was not opened in ${OPENING_MS / 1000} s`),
      // Cleaning of spaces is a display option of old tokenizers, on which ids and round trips must not depend.
      () => new Tokenizer(json.data, { ...config, clean_up_tokenization_spaces: false }),
    );
    const { decoder } = tokenizer;
    if (decoder !== null && text.includes('"ByteFallback"')) {
      const decodeChain = decoder.decode_chain.bind(decoder);
      decoder.decode_chain = (tokens) => decodeChain(replaceBrokenBytes(tokens));
    }
  } catch (cause) {
    throw cause instanceof WorkbenchError ? cause : broken(file, cause);
  }
  const isInTime = matchesInTime(json.data);
  /** Calls the library, under a deadline if it may take for ever, and blames its errors on the file. */
  const watched = <T>(length: number, late: () => string, work: () => T): T => {
    try {
      if (isInTime && length < WATCHED_FROM) return work();
      return withinDeadline(ENCODING_MS + length * ENCODING_MS_PER_PIECE, () => tooSlow(late()), work);
    } catch (cause) {
      throw cause instanceof WorkbenchError ? cause : broken(file, cause);
    }
  };
  const encode = (input: string, special: boolean): readonly number[] =>
    watched(
      input.length,
      () =>
        `a text of ${input.length} characters (${JSON.stringify(input.slice(0, 40))}) was not turned into ` +
        `tokens in time`,
      () => tokenizer.encode(input, { add_special_tokens: special }).ids,
    );
  /** The library refuses to decode an empty list. */
  const decode = (ids: readonly number[], isWithoutSpecial: boolean): string =>
    ids.length === 0
      ? ''
      : watched(
          ids.length,
          () => `${ids.length} tokens were not turned into a text in time`,
          () => tokenizer.decode([...ids], { skip_special_tokens: isWithoutSpecial }),
        );
  const prefixName = config.bos_token ?? config.eos_token;
  const endName = config.eos_token;
  const endId = endName === null || endName === undefined ? undefined : tokenizer.token_to_id(endName);
  return {
    encode,
    decode: (ids) => decode(ids, false),
    decodeText: (ids) => decode(ids, true),
    prefixToken: prefixName === null || prefixName === undefined ? null : (tokenizer.token_to_id(prefixName) ?? null),
    endToken: endName === null || endName === undefined || endId === undefined ? null : { id: endId, text: endName },
  };
};

const REMEDY = 'Use a tokenizer.json as the tokenizers library writes it.';

const broken = (file: string, cause: unknown): Error =>
  refuse('bad-tokenizer', `${file}: ${cause instanceof Error ? cause.message : String(cause)}.`, REMEDY, cause);

/** A byte as a token, in the notation of tokenizers with byte fallback. */
const byteToken = /^<0x([0-9A-Fa-f]{2})>$/;

/** Replaces a byte that is not a character. */
const REPLACEMENT = '\ufffd';

/**
 * Replaces every byte of a run that is not UTF-8 as a whole by U+FFFD, like the byte fallback decoder of the tokenizers
 * library (a decoder that keeps the valid parts of such a run gives other texts). Runs that are UTF-8 stay.
 */
export const replaceBrokenBytes = (tokens: readonly string[]): string[] => {
  const out: string[] = [];
  let run: string[] = [];
  const finish = (): void => {
    const isText = isUtf8(run);
    for (const byte of run) out.push(isText ? byte : REPLACEMENT);
    run = [];
  };
  for (const token of tokens) {
    if (byteToken.test(token)) {
      run.push(token);
      continue;
    }
    finish();
    out.push(token);
  }
  finish();
  return out;
};

const isUtf8 = (run: readonly string[]): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(
      Uint8Array.from(run, (token) => Number.parseInt(byteToken.exec(token)?.[1] ?? '', 16)),
    );
    return true;
  } catch (cause) {
    if (cause instanceof TypeError) return false;
    throw cause;
  }
};

const context = createContext({ work: () => undefined });
const script = new Script('work()');

const isTimeout = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/**
 * Runs a synchronous library function; throws `late()` after `mostMs`, when V8 ends it, even in the middle of a regular
 * expression. Starting the watchdog thread costs 0.1 ms, so do not use it for every short text.
 */
const withinDeadline = <T>(mostMs: number, late: () => Error, work: () => T): T => {
  const results: T[] = [];
  context['work'] = () => void results.push(work());
  try {
    script.runInContext(context, { timeout: Math.ceil(mostMs) });
  } catch (error) {
    throw isTimeout(error) ? late() : error;
  } finally {
    context['work'] = () => undefined;
  }
  const [result] = results;
  if (results.length === 0) throw new Error('work without a result');
  return result as T;
};
