import type { UserSettings } from '../contract/settings.ts';
import type { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { at, refuse } from '../contract/errors.ts';
import { suggestion } from '../contract/nearest-name.ts';
import { defaultText, type Setting, settingsOf, valueIn } from '../contract/setting.ts';

/** An option of a verb, for the parser and for help. */
export interface VerbOption {
  readonly type: 'string' | 'boolean';
  /** May be given more than once; several values may also follow one use of it. */
  readonly multiple?: boolean;
  /** Placeholder of the value in help. */
  readonly value?: string;
  /** May be given without a value, as a switch; a value begins with a digit. */
  readonly bare?: true;
  readonly help: string;
}

/** An option with a value, shown in help as `value`. */
export const valueOption = (value: string, help: string): VerbOption => ({ type: 'string', value, help });

/** The same, which may be given more than once. */
export const repeatedOption = (value: string, help: string): VerbOption => ({
  ...valueOption(value, help),
  multiple: true,
});

/** An option with a number, or without a value. */
export const bareOption = (value: string, help: string): VerbOption => ({ ...valueOption(value, help), bare: true });

/** An option without a value. */
export const switchOption = (help: string): VerbOption => ({ type: 'boolean', help });

export interface VerbArguments {
  readonly positionals: readonly string[];
  /** A string, or a list where the option may be repeated; absent where it was not given. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A verb's arguments; every reader of an option refuses values that do not fit, naming option and value. */
export interface OptionReader extends VerbArguments {
  /** A positional argument that the verb requires. */
  readonly argument: (index: number) => string;
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
}

/** The environment of a verb: with the engine, its only access to the world. */
export interface VerbHost {
  /** Folder of the bundled models and tasks. */
  readonly resources: string;
  /** Folder of the built page, for `serve`. */
  readonly rendererFolder: string;
  readonly commandLine: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user's settings for every workspace; empty for a verb that uses none of them. */
  readonly settings: UserSettings;
  readonly settingsFile: string;
  /** Aborted by the first interrupt. */
  readonly signal: AbortSignal;
  /** Marks work that ends cleanly on its own after an interrupt; other work is abandoned after a moment. */
  endsWell<T>(work: Promise<T>): Promise<T>;
  /** Prints one lasting line on standard error. */
  say(line: string): void;
  /** Shows a line of progress: the next one replaces it on a terminal. */
  progress(line: string): void;
  /** Prints a result at once, for a verb that keeps running (`serve`). */
  answer(result: VerbResult): void;
  /**
   * Runs the same command line in a child process that an interrupt always ends, and returns its exit code; null in
   * that child, and where no child is needed.
   */
  readonly supervise: (() => Promise<number>) | null;
}

/**
 * The result of a verb: a document for `--json`, and the same in words. A document about a run has the run's
 * `provenance`; the text of one that was not measured here is headed by it (run-command-line.ts).
 */
export interface VerbResult {
  readonly document: unknown;
  readonly text: string;
  /** The verb worked, but its finding is negative: exit code 1. */
  readonly failed?: boolean;
}

/** Names under a title in help. */
export interface HelpGroup {
  readonly title: string;
  readonly names: readonly string[];
}

export interface Verb {
  readonly name: string;
  /** Usage after the verb's name: `MODEL --out F`. */
  readonly usage: string;
  readonly summary: string;
  readonly positionals: readonly [fewest: number, most: number];
  readonly options: Readonly<Record<string, VerbOption>>;
  /** Its options in help, as a newcomer meets them; others follow. By default all are one list. */
  readonly optionGroups?: readonly HelpGroup[];
  /** For a verb without `--engine`: says which engine computes, and how to use the other one. */
  readonly engine?: string;
  /** Resolves to null where everything was printed already. */
  readonly run: (reader: OptionReader, host: VerbHost) => Promise<VerbResult | null>;
}

export const badValue = (name: string, value: string, expected: string): Error =>
  refuse('bad-value', `--${name} "${value}" is not ${expected}.`, `Give ${expected}.`);

const unknownChoice = (name: string, value: string, choices: readonly string[]): Error =>
  refuse('bad-value', `--${name} "${value}" is unknown.`, suggestion(value, choices));

const number = (name: string, text: string, expected: string, isFit: (value: number) => boolean): number => {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!isFit(value)) throw badValue(name, text, expected);
  return value;
};

/** The parts of a value that are separated by commas. */
export const partsOf = (value: string): readonly string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

export const optionReader = (given: VerbArguments): OptionReader => {
  const { options } = given;
  const text = (name: string): string | undefined => {
    const value = options[name];
    return value === true ? undefined : boundedText.optional().parse(value);
  };
  const texts = (name: string): readonly string[] => {
    const value = options[name];
    return value === undefined ? [] : typeof value === 'string' ? [value] : boundedList(boundedText).parse(value);
  };
  const list = (name: string): readonly string[] => texts(name).flatMap(partsOf);
  const chosen = <T extends string>(name: string, value: string, choices: readonly T[]): T => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw unknownChoice(name, value, choices);
    return found;
  };
  return {
    ...given,
    argument: (index) => at(given.positionals, index, 'an argument that the verb does not require'),
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
        : number(name, value, `a whole number of at least ${least}`, (n) => Number.isSafeInteger(n) && n >= least);
    },
    real: (name, least, most = Number.POSITIVE_INFINITY) => {
      const value = text(name);
      const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
      return value === undefined
        ? undefined
        : number(name, value, `a number ${range}`, (n) => Number.isFinite(n) && n >= least && n <= most);
    },
    reals: (name, least) =>
      list(name).map((value) =>
        number(name, value, `a list of numbers of at least ${least}`, (n) => Number.isFinite(n) && n >= least),
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

const PLACEHOLDERS: Readonly<Record<Setting['kind'], string>> = {
  whole: 'N',
  real: 'X',
  switch: '',
  choice: 'NAME',
  text: 'TEXT',
  list: 'LIST',
  lines: 'LINE',
  count: 'LIST',
};

const optionHelp = (setting: Setting): string => {
  const { kind, choices, help } = setting;
  if (kind === 'switch') return help;
  const isNamed = choices.every((choice) => help.includes(choice));
  return `${help}${isNamed ? '' : ` One of ${choices.join(', ')}.`} Default: ${defaultText(setting)}.`;
};

const isRepeated = ({ kind }: Setting): boolean => kind === 'list' || kind === 'lines' || kind === 'count';

const optionOf = (setting: Setting): VerbOption =>
  setting.kind === 'switch'
    ? switchOption(optionHelp(setting))
    : {
        type: 'string',
        ...(isRepeated(setting) ? { multiple: true } : {}),
        value: setting.value ?? PLACEHOLDERS[setting.kind],
        help: optionHelp(setting),
      };

/** Command-line options for those settings of a schema that have a flag. */
export const settingOptions = (schema: z.ZodObject): Readonly<Record<string, VerbOption>> =>
  Object.fromEntries(
    settingsOf(schema).flatMap((setting) => (setting.flag === undefined ? [] : [[setting.flag, optionOf(setting)]])),
  );

/** The value of an option; undefined where it is absent. */
const readSetting = (reader: OptionReader, setting: Setting, flag: string): unknown => {
  const { kind, spellings = {} } = setting;
  if (kind === 'switch') return reader.flag(flag) ? true : undefined;
  if (!isRepeated(setting)) {
    const text = reader.text(flag);
    return text === undefined ? undefined : valueIn(setting, text);
  }
  const given = kind === 'lines' ? reader.texts(flag) : reader.list(flag);
  const texts = given.map((text) => spellings[text] ?? text);
  return texts.length === 0 ? undefined : kind === 'count' ? texts.map(Number) : texts;
};

/**
 * The settings of a schema that options name, each of the schema's type; refuses others, naming the option and its
 * range.
 */
export const readSettings = (reader: OptionReader, schema: z.ZodObject): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    settingsOf(schema).flatMap((setting) => {
      const { name, flag, kind, choices, range, fits, refused = {} } = setting;
      if (flag === undefined) return [];
      const value = readSetting(reader, setting, flag);
      if (value === undefined) return [];
      if (fits(value)) return [[name, value]];
      for (const asked of reader.list(flag)) {
        const reason = Object.entries(refused).find(([named]) => named === asked)?.[1];
        if (reason !== undefined)
          throw refuse('bad-value', `--${flag} "${asked}" is not offered: ${reason}.`, suggestion(asked, choices));
      }
      const given = reader.texts(flag).join(',');
      if (kind === 'choice') throw unknownChoice(flag, given, choices);
      throw badValue(flag, given, range);
    }),
  );
