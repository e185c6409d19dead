import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { replaceBrokenBytes } from './broken-bytes.ts';

/** Text <-> token ids by a checkpoint's own tokenizer.json. */
export interface TextTokenizer {
  /** `special`: add what the post-processor adds (a BOS, where it adds one). */
  encode(text: string, special: boolean): readonly number[];
  decode(ids: readonly number[]): string;
  /** The same without special tokens. */
  decodeText(ids: readonly number[]): string;
  /** BOS, or EOS where there is no BOS: what stands before a text that has no context; null where neither is known. */
  readonly prefixToken: number | null;
  /** EOS as tokenizer_config.json names it; null where it names none, or one that has no id. */
  readonly endToken: { readonly id: number; readonly text: string } | null;
}

const specialToken = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]);
const tokenizerConfig = z.looseObject({ bos_token: specialToken.nullish(), eos_token: specialToken.nullish() });

/** The tokenizer of a model folder; null where it has none. */
export const loadTokenizer = async (folder: string): Promise<TextTokenizer | null> => {
  const file = path.join(folder, 'tokenizer.json');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    if (isMissing(cause)) return null;
    throw refuse('bad-tokenizer', `${file} cannot be read.`, "Check the file's permissions.", cause);
  });
  if (text === null) return null;
  const configFile = path.join(folder, 'tokenizer_config.json');
  const configText = await readFile(configFile, 'utf8').catch((cause: unknown) => {
    if (isMissing(cause)) return '{}';
    throw refuse('bad-tokenizer', `${configFile} cannot be read.`, "Check the file's permissions.", cause);
  });
  const config = tokenizerConfig.parse(parseJson(configFile, configText));
  let tokenizer: Tokenizer;
  try {
    // Cleaning of spaces is a display option of old tokenizers; ids and round trips must not depend on it.
    tokenizer = new Tokenizer(z.record(z.string(), z.unknown()).parse(parseJson(file, text)), {
      ...config,
      clean_up_tokenization_spaces: false,
    });
    const { decoder } = tokenizer;
    if (decoder !== null && text.includes('"ByteFallback"')) {
      const decodeChain = decoder.decode_chain.bind(decoder);
      decoder.decode_chain = (tokens) => decodeChain(replaceBrokenBytes(tokens));
    }
  } catch (cause) {
    throw refuse(
      'bad-tokenizer',
      `${file}: ${cause instanceof Error ? cause.message : String(cause)}.`,
      'Use a tokenizer.json as the tokenizers library writes it.',
      cause,
    );
  }
  const prefixName = config.bos_token ?? config.eos_token;
  const endName = config.eos_token;
  const endId = endName === null || endName === undefined ? undefined : tokenizer.token_to_id(endName);
  return {
    encode: (input, special) => tokenizer.encode(input, { add_special_tokens: special }).ids,
    // The library refuses to decode nothing.
    decode: (ids) => (ids.length === 0 ? '' : tokenizer.decode([...ids], { skip_special_tokens: false })),
    decodeText: (ids) => (ids.length === 0 ? '' : tokenizer.decode([...ids], { skip_special_tokens: true })),
    prefixToken: prefixName === null || prefixName === undefined ? null : (tokenizer.token_to_id(prefixName) ?? null),
    endToken: endName === null || endName === undefined || endId === undefined ? null : { id: endId, text: endName },
  };
};

const isMissing = (cause: unknown): boolean => cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';

const parseJson = (file: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse(
      'bad-json',
      `${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}.`,
      "Fetch the file again from the model's source.",
      cause,
    );
  }
};
