import path from 'node:path';
import { z } from 'zod';
import { boundedList } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import { isGgufPath } from '../files/list-folder.ts';
import { parsePythonJson } from '../files/parse-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';

/** Limit for a config. */
const MAX_BYTES = 32 * 2 ** 20;

const tokens = z.union([z.number().int(), boundedList(z.number().int())]).nullish();
const endings = z.looseObject({
  eos_token_id: tokens,
  text_config: z.looseObject({ eos_token_id: tokens }).nullish(),
});

/**
 * Tokens that end generated text: `eos_token_id`, a number or a list, from generation_config.json, or from config.json
 * (or the text model's config in it) if there is no such file, as in transformers.
 */
export const readEndTokens = async (folder: string): Promise<readonly number[]> => {
  // A GGUF file names its end token only, which its tokenizer knows.
  if (isGgufPath(folder)) return [];
  for (const name of ['generation_config.json', 'config.json']) {
    const file = path.join(folder, name);
    const text = await readTextIfThere(file, { mostBytes: MAX_BYTES });
    if (text === null) continue;
    const { eos_token_id: outer, text_config: inner } = parseEndings(file, text);
    const ends = outer ?? inner?.eos_token_id ?? [];
    return [ends].flat();
  }
  return [];
};

const parseEndings = (file: string, text: string): z.infer<typeof endings> => {
  try {
    return endings.parse(parsePythonJson(text));
  } catch (cause) {
    throw refuse(
      'bad-config',
      `${file}: eos_token_id is neither a token nor a list of tokens.`,
      "Fetch the file again from the model's source.",
      cause,
    );
  }
};
