import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { suggestion } from '../contract/nearest-name.ts';
import { defaultText, type Setting, settingsOf } from '../contract/setting.ts';
import type { VerbArguments, VerbOption } from './verb.ts';

export const badValue = (name: string, value: string, expected: string): Error =>
  refuse('bad-value', `--${name} "${value}" is not ${expected}.`, `Give ${expected}.`);

const number = (name: string, text: string, expected: string, isFit: (value: number) => boolean): number => {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!isFit(value)) throw badValue(name, text, expected);
  return value;
};

/** Reads options that the parser has split; every reader refuses values that do not fit, naming option and value. */
export const optionReader = ({
  options,
}: VerbArguments): {
  readonly flag: (name: string) => boolean;
  readonly text: (name: string) => string | undefined;
  readonly requiredText: (name: string) => string;
  readonly texts: (name: string) => readonly string[];
  /** Values separated by commas or given several times. */
  readonly list: (name: string) => readonly string[];
  readonly whole: (name: string, least: number) => number | undefined;
  readonly real: (name: string, least: number, most?: number) => number | undefined;
  readonly reals: (name: string, least: number) => readonly number[];
  readonly wholes: (name: string) => readonly number[];
  readonly choice: <T extends string>(name: string, choices: readonly T[]) => T | undefined;
  readonly choices: <T extends string>(name: string, choices: readonly T[]) => readonly T[];
} => {
  const text = (name: string): string | undefined => z.string().optional().parse(options[name]);
  const texts = (name: string): readonly string[] => {
    const value = options[name];
    return value === undefined ? [] : typeof value === 'string' ? [value] : z.array(z.string()).parse(value);
  };
  const list = (name: string): readonly string[] =>
    texts(name).flatMap((value) =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    );
  const chosen = <T extends string>(name: string, value: string, choices: readonly T[]): T => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw refuse('bad-value', `--${name} "${value}" is unknown.`, suggestion(value, choices));
    return found;
  };
  return {
    flag: (name) => options[name] === true,
    text,
    requiredText: (name) => {
      const value = text(name);
      if (value === undefined) throw refuse('bad-usage', `--${name} is missing.`, `Give --${name}.`);
      return value;
    },
    texts,
    list,
    whole: (name, least) => {
      const value = text(name);
      return value === undefined
        ? undefined
        : number(
            name,
            value,
            `a whole number of at least ${String(least)}`,
            (n) => Number.isSafeInteger(n) && n >= least,
          );
    },
    real: (name, least, most = Number.POSITIVE_INFINITY) => {
      const value = text(name);
      const range =
        most === Number.POSITIVE_INFINITY ? `of at least ${String(least)}` : `from ${String(least)} to ${String(most)}`;
      return value === undefined
        ? undefined
        : number(name, value, `a number ${range}`, (n) => Number.isFinite(n) && n >= least && n <= most);
    },
    reals: (name, least) =>
      list(name).map((value) =>
        number(name, value, `a list of numbers of at least ${String(least)}`, (n) => Number.isFinite(n) && n >= least),
      ),
    wholes: (name) =>
      list(name).map((value) =>
        number(name, value, 'a list of whole numbers', (n) => Number.isSafeInteger(n) && n >= 0),
      ),
    choice: (name, choices) => {
      const value = text(name);
      return value === undefined ? undefined : chosen(name, value, choices);
    },
    choices: (name, choices) => list(name).map((value) => chosen(name, value, choices)),
  };
};

export type OptionReader = ReturnType<typeof optionReader>;

const PLACEHOLDERS: Readonly<Record<Setting['kind'], string>> = {
  whole: 'N',
  real: 'X',
  choice: 'NAME',
  list: 'LIST',
};

const optionHelp = (setting: Setting): string => {
  const choices = setting.kind === 'choice' ? ` One of ${setting.choices.join(', ')}` : '';
  return `${setting.help}${choices === '' ? '' : `${choices}.`} Default: ${defaultText(setting)}.`;
};

/** The options of the settings that a schema describes. */
export const settingOptions = (schema: z.ZodObject): Readonly<Record<string, VerbOption>> =>
  Object.fromEntries(
    settingsOf(schema).map((setting) => [
      setting.flag,
      {
        type: 'string',
        ...(setting.kind === 'list' ? { multiple: true } : {}),
        value: PLACEHOLDERS[setting.kind],
        help: optionHelp(setting),
      },
    ]),
  );

const readSetting = (reader: OptionReader, { kind, flag }: Setting): unknown => {
  if (kind === 'list') {
    const values = reader.list(flag);
    return values.length === 0 ? undefined : values;
  }
  const text = reader.text(flag);
  if (text === undefined || kind === 'choice') return text;
  return text.trim() === '' ? Number.NaN : Number(text);
};

/** Those settings of a schema that options name, each as the schema takes it; refuses the others by name and range. */
export const readSettings = (reader: OptionReader, schema: z.ZodObject): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    settingsOf(schema).flatMap((setting) => {
      const value = readSetting(reader, setting);
      if (value === undefined) return [];
      const field: unknown = schema.shape[setting.name];
      if (!(field instanceof z.ZodType) || !field.safeParse(value).success)
        throw badValue(setting.flag, reader.texts(setting.flag).join(','), setting.range);
      return [[setting.name, value]];
    }),
  );
