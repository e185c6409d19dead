import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from '../../contract/bounds.ts';
import type { ChatSettings } from '../../contract/chat.ts';
import { refuse } from '../../contract/errors.ts';
import { contentHash } from '../../files/checksums.ts';
import { isGgufPath } from '../../files/list-folder.ts';
import { parseForeignJson } from '../../files/parse-json.ts';
import { readTextIfThere } from '../../files/regular-file.ts';

/** Variables that the user gives to a template (`enable_thinking`). */
type ChatVariables = NonNullable<ChatSettings['chatArgs']>;

/** A checkpoint's own chat template. */
export interface ChatTemplate {
  readonly source: string;
  /** Special tokens that the template sees, by name (`bos_token`). */
  readonly tokens: Readonly<Record<string, string>>;
  readonly variables: ChatVariables;
  /** The file that contains it. */
  readonly file: string;
  /** SHA-256 (hexadecimal) over template, tokens and variables. */
  readonly hash: string;
}

const SPECIAL_TOKENS = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;
const DEFAULT_NAME = 'default';

const named = boundedList(z.object({ name: boundedText, template: boundedText }));
const chatConfig = z.looseObject({ chat_template: z.union([boundedText, named]).nullish() });
const token = z.union([boundedText, z.object({ content: boundedText }).transform(({ content }) => content)]);

/** Limit for templates and for tokenizer_config.json, which may list every special token. */
export const MAX_TEMPLATE_BYTES = 16 * 2 ** 20;

const readOptional = (file: string): Promise<string | null> => readTextIfThere(file, { mostBytes: MAX_TEMPLATE_BYTES });

const readObject = async (file: string): Promise<Readonly<Record<string, unknown>>> => {
  const text = await readOptional(file);
  if (text === null) return {};
  try {
    return boundedRecord(boundedText, z.unknown()).parse(parseForeignJson(text));
  } catch (cause) {
    throw refuse(
      'bad-json',
      `${file} is not a JSON object (${cause instanceof Error ? cause.message : String(cause)}).`,
      "Fetch the file again from the model's source.",
      cause,
    );
  }
};

interface Source {
  readonly file: string;
  readonly templates: ReadonlyMap<string, string>;
}

const fromJson = async (file: string): Promise<Source | null> => {
  const parsed = chatConfig.safeParse(await readObject(file));
  if (!parsed.success)
    throw refuse(
      'bad-chat-template',
      `${file}: chat_template is neither a string nor a list of names and templates.`,
      "Fetch the file again from the model's source.",
    );
  const { chat_template: found } = parsed.data;
  if (found === undefined || found === null) return null;
  return {
    file,
    templates: new Map(
      typeof found === 'string' ? [[DEFAULT_NAME, found]] : found.map(({ name, template }) => [name, template]),
    ),
  };
};

/** chat_template.jinja and named templates beside it, which take precedence over those in JSON files. */
const fromFiles = async (folder: string): Promise<Source | null> => {
  const file = join(folder, 'chat_template.jinja');
  const text = await readOptional(file);
  return text === null ? null : { file, templates: new Map([[DEFAULT_NAME, text]]) };
};

const sourceIn = async (folder: string): Promise<Source | null> =>
  (await fromFiles(folder)) ??
  (await fromJson(join(folder, 'tokenizer_config.json'))) ??
  (await fromJson(join(folder, 'chat_template.json')));

/** Name of the file with a checkpoint's chat template, or null; compiles nothing. */
export const chatTemplateFile = async (folder: string): Promise<string | null> => {
  if (isGgufPath(folder)) return null;
  // List the folder once: most folders contain none of these files.
  const names = new Set(await readdir(folder));
  if (!['chat_template.jinja', 'tokenizer_config.json', 'chat_template.json'].some((name) => names.has(name)))
    return null;
  const source = await sourceIn(folder);
  return source === null ? null : basename(source.file);
};

const specialTokens = async (folder: string): Promise<Readonly<Record<string, string>>> => {
  const file = join(folder, 'tokenizer_config.json');
  const values: Readonly<Record<string, unknown>> = {
    ...(await readObject(join(folder, 'special_tokens_map.json'))),
    ...(await readObject(file)),
  };
  const tokens = new Map<string, string>();
  for (const name of SPECIAL_TOKENS) {
    const value = values[name];
    if (value === undefined || value === null) continue;
    const parsed = token.safeParse(value);
    if (!parsed.success)
      throw refuse(
        'bad-tokenizer',
        `${file}: ${name} is not a token.`,
        "Fetch the file again from the model's source.",
      );
    tokens.set(name, parsed.data);
  }
  return Object.fromEntries(tokens);
};

/**
 * Reads the chat template of a model folder: chat_template.jinja, else `chat_template` of tokenizer_config.json (a
 * string, or named templates, of which "default" is used), else of chat_template.json. Null if there is none.
 *
 * Refuses (`bad-chat-template`), naming the file, named templates without a default. Rendering refuses all else
 * (`renderChats`).
 */
export const readChatTemplate = async (folder: string, variables: ChatVariables = {}): Promise<ChatTemplate | null> => {
  if (isGgufPath(folder))
    throw refuse(
      'bad-chat-template',
      `${folder}: the chat template in a GGUF file is not read.`,
      'Ask without it, or use the folder that the file was made of.',
    );
  const source = await sourceIn(folder);
  if (source === null) return null;
  const { file, templates } = source;
  const text = templates.get(DEFAULT_NAME);
  if (text === undefined)
    throw refuse(
      'bad-chat-template',
      `${file}: its chat templates are ${[...templates.keys()].join(', ')}; none is named "${DEFAULT_NAME}".`,
      'Name the one to be used "default".',
    );
  const tokens = await specialTokens(folder);
  const given = Object.keys(variables).length === 0 ? {} : { variables };
  const hash = contentHash({ template: text, tokens, ...given });
  return { source: text, tokens, variables, file, hash };
};
