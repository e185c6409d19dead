import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from '../../contract/bounds.ts';
import { refuse } from '../../contract/errors.ts';
import { canonicalJson } from '../../files/canonical-json.ts';
import { isGgufPath } from '../../files/list-folder.ts';
import { parseForeignJson } from '../../files/parse-json.ts';
import { readTextIfThere } from '../../files/regular-file.ts';
import { compileChatTemplate, type Template } from '../template/compile-template.ts';
import { TemplateFault, TemplateRaised } from '../template/template-fault.ts';
import type { PythonDict, PythonValue } from '../python/python-value.ts';
import { renderTemplate } from '../template/render-template.ts';
import type { WorkMeter } from '../template/work-meter.ts';

/** A checkpoint's own chat template, compiled. */
export interface ChatTemplate {
  readonly template: Template;
  /** Special tokens that the template sees, by name (`bos_token`). */
  readonly tokens: ReadonlyMap<string, string>;
  /** The file that contains it. */
  readonly file: string;
  /** SHA-256 (hexadecimal) over template and tokens. */
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

const specialTokens = async (folder: string): Promise<ReadonlyMap<string, string>> => {
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
  return tokens;
};

/**
 * Reads the chat template of a model folder: chat_template.jinja, else `chat_template` of tokenizer_config.json (a
 * string, or named templates, of which "default" is used), else of chat_template.json. Null if there is none.
 *
 * Refuses (`bad-chat-template`), naming the file, named templates without a default and templates outside the supported
 * subset of Jinja.
 */
export const readChatTemplate = async (folder: string): Promise<ChatTemplate | null> => {
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
  const hash = createHash('sha256')
    .update(canonicalJson({ template: text, tokens: Object.fromEntries(tokens) }))
    .digest('hex');
  try {
    return { template: compileChatTemplate(text), tokens, file, hash };
  } catch (error) {
    throw error instanceof TemplateFault
      ? refuse(
          'bad-chat-template',
          `${file}: the chat template cannot be used: ${error.message}.`,
          'Ask without --chat, or write the template without it.',
          error,
        )
      : error;
  }
};

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface RenderedChat {
  readonly text: string;
  /** Whether the template refused a system turn, which was then omitted. */
  readonly isWithoutSystem: boolean;
}

const attempt = (chat: ChatTemplate, messages: readonly ChatMessage[], now: () => Date, meter: WorkMeter): string => {
  const turns = messages.map(
    ({ role, content }): PythonDict =>
      new Map([
        ['role', role],
        ['content', content],
      ]),
  );
  const row: readonly (readonly [string, PythonValue])[] = [
    ...chat.tokens,
    ['messages', turns],
    ['tools', null],
    ['documents', null],
    ['add_generation_prompt', true],
  ];
  return renderTemplate(chat.template, new Map(row), meter, { isLenient: true, now });
};

/**
 * Renders a conversation as a prompt with a checkpoint's own template, ending with the start of the model's turn. As in
 * lm-evaluation-harness 0.4.13, a template that refuses the conversation is tried again without the system turn. If
 * that fails too, refuses (`bad-chat-template`), naming the template's file and `location`.
 */
export const renderChat = (
  chat: ChatTemplate,
  messages: readonly ChatMessage[],
  location: string,
  now: () => Date,
  meter: WorkMeter,
): RenderedChat => {
  const others = messages.filter(({ role }) => role !== 'system');
  try {
    try {
      return { text: attempt(chat, messages, now, meter), isWithoutSystem: false };
    } catch (error) {
      if (!(error instanceof TemplateRaised) || others.length === messages.length) throw error;
      return { text: attempt(chat, others, now, meter), isWithoutSystem: true };
    }
  } catch (error) {
    throw error instanceof TemplateFault
      ? refuse('bad-chat-template', `${chat.file}, on ${location}: ${error.message}.`, error.remedy, error)
      : error;
  }
};
