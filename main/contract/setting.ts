import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';

/** Texts and controls of a setting, in addition to its schema. */
export interface SettingText {
  /** In the window. */
  readonly label: string;
  /** On the command line, without the dashes. Absent: the verb reads it by an option of its own. */
  readonly flag?: string;
  /** Help of the option: the effect of the setting in a sentence or two, without its default. */
  readonly help: string;
  /** A longer explanation for the window, where there is one. */
  readonly about?: string;
  /** The default in words, where the value alone is not enough. */
  readonly otherwise?: string;
  /** Placeholder of the value in the option's help: "FILE". */
  readonly value?: string;
  /** Shown in an empty field: an example, or what an empty field means. */
  readonly hint?: string;
  /** Valid values in words, where the schema gives a pattern: "one word". */
  readonly range?: string;
  /** Other names of choices on the command line. */
  readonly spellings?: Readonly<Record<string, string>>;
  /** Values that somebody may ask for and that are not offered, each with the reason, which ends the sentence. */
  readonly refused?: Readonly<Record<string, string>>;
  /** Choices in the window's words; by default the choices themselves. */
  readonly words?: Readonly<Record<string, string>>;
  /** Values of a number that the palette offers. */
  readonly common?: readonly number[];
  /** Step of the field's arrow keys. */
  readonly step?: number;
  /** The window shows and reads the number as percentage points; files and the command line have the fraction. */
  readonly inPoints?: true;
  /** Name of the part of a form that shows it. */
  readonly part?: string;
  /**
   * `lines`: a list of texts that may hold commas (the option may be repeated; the window has a line for each).
   * `count`: a list of whole numbers; the window asks how many (0, 1, 2, ...).
   */
  readonly control?: 'lines' | 'count';
  /** It has an effect only where the list of this name contains one of these: a setting of one stage, say. */
  readonly only?: { readonly list: string; readonly holds: readonly string[] };
}

const settingTexts = z.registry<SettingText>();

/** A field of a schema as a setting, with its texts. */
export const setting = <S extends z.ZodType>(field: S, text: SettingText): S => {
  settingTexts.add(field, text);
  return field;
};

/** A setting as the command line, the window and the documents show it. */
export interface Setting extends SettingText {
  /** Its key in the settings. */
  readonly name: string;
  readonly kind: 'whole' | 'real' | 'switch' | 'choice' | 'text' | 'list' | 'lines' | 'count';
  /** Values of a choice or of a list; empty where any value is allowed. */
  readonly choices: readonly string[];
  /** Whether it may be left empty, which gives its default (null, or absent). */
  readonly isOptional: boolean;
  /** Valid values in words: "a whole number of at least 1". */
  readonly range: string;
  readonly least: number | null;
  readonly most: number | null;
  readonly default: unknown;
  /** Whether the schema takes a value. */
  readonly fits: (value: unknown) => boolean;
}

const limits = z.looseObject({
  type: boundedText.optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  maxLength: z.number().optional(),
  enum: boundedList(boundedText).optional(),
  items: z.looseObject({ type: boundedText.optional(), enum: boundedList(boundedText).optional() }).optional(),
});
type Limits = z.infer<typeof limits>;
const described = limits.extend({ anyOf: boundedList(limits).optional() });

/** Zod gives whole numbers the bounds that a double has. */
const bounded = (bound: number | undefined): number | null =>
  bound === undefined || Math.abs(bound) >= Number.MAX_SAFE_INTEGER ? null : bound;

const numberRange = ({ type, minimum, exclusiveMinimum, maximum }: Limits): string => {
  const most = bounded(maximum);
  if (type !== 'integer' && exclusiveMinimum !== undefined)
    return `a number above ${exclusiveMinimum}${most === null ? '' : ` and at most ${most}`}`;
  const least = exclusiveMinimum === undefined ? (bounded(minimum) ?? 0) : exclusiveMinimum + 1;
  const bounds = most === null ? `of at least ${least}` : `from ${least} to ${most}`;
  return `${type === 'integer' ? 'a whole number' : 'a number'} ${bounds}`;
};

const kindOf = ({ type, enum: choices }: Limits): Setting['kind'] => {
  if (choices !== undefined) return 'choice';
  if (type === 'array') return 'list';
  if (type === 'boolean') return 'switch';
  return type === 'string' ? 'text' : type === 'integer' ? 'whole' : 'real';
};

const rangeOf = (kind: Setting['kind'], shape: Limits, choices: readonly string[]): string => {
  switch (kind) {
    case 'whole':
    case 'real':
      return numberRange(shape);
    case 'switch':
      return 'on or off';
    case 'choice':
      return choices.length === 1 ? String(choices[0]) : `one of ${choices.join(', ')}`;
    case 'text':
      return shape.maxLength === undefined ? 'text' : `text of up to ${shape.maxLength} characters`;
    case 'count':
      return 'a list of whole numbers';
    case 'list':
    case 'lines':
      return choices.length === 0 ? 'values separated by commas' : `one or more of ${choices.join(', ')}, each once`;
  }
};

const settingOf = (name: string, field: z.ZodType, text: SettingText): Setting => {
  const { anyOf, ...own } = described.parse(z.toJSONSchema(field, { io: 'input' }));
  const shape = anyOf?.find(({ type }) => type !== 'null') ?? own;
  const kind = text.control ?? kindOf(shape);
  const choices = shape.enum ?? shape.items?.enum ?? [];
  const usual = field.safeParse(undefined);
  return {
    ...text,
    name,
    kind,
    choices,
    isOptional: usual.success && (usual.data === undefined || usual.data === null),
    range: text.range ?? rangeOf(kind, shape, choices),
    least: bounded(shape.minimum),
    most: bounded(shape.maximum),
    default: usual.data,
    fits: (value) => field.safeParse(value).success,
  };
};

/** Settings by schema: reading them out of it takes too long for a list of runs or a dragged slider. */
const known = new WeakMap<z.ZodObject, readonly Setting[]>();

/** The settings of a schema in order; every field must have texts. */
export const settingsOf = (schema: z.ZodObject): readonly Setting[] => {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const settings = Object.entries(schema.shape).map(([name, field]) => {
    const text = field instanceof z.ZodType ? settingTexts.get(field) : undefined;
    if (!(field instanceof z.ZodType) || text === undefined) throw new Error(`the setting ${name} has no texts`);
    return settingOf(name, field, text);
  });
  known.set(schema, settings);
  return settings;
};

/** 0.000001 instead of 1e-6. */
const numberText = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toFixed(12).replace(/0+$/, '') : String(value);

/** A value of a setting in words. A choice that is left out means its first one. */
export const valueText = ({ kind, choices, words = {} }: Setting, value: unknown): string => {
  if (kind === 'switch' || (kind === 'choice' && choices.length === 1))
    return value === undefined || value === null || value === false ? 'off' : 'on';
  if (kind === 'choice') {
    const chosen = typeof value === 'string' ? value : (choices[0] ?? '');
    return words[chosen] ?? chosen;
  }
  if (Array.isArray(value) && value.length > 0)
    return value.map((entry) => words[String(entry)] ?? String(entry)).join(', ');
  if (value === undefined || value === null || Array.isArray(value)) return 'none';
  if (typeof value === 'number') return numberText(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
};

/** The default as a user types it: from its texts, or the value. */
export const defaultText = (setting: Setting): string => {
  const { otherwise, default: usual } = setting;
  if (otherwise !== undefined) return otherwise;
  return Array.isArray(usual) && usual.length > 0 ? usual.join(',') : valueText({ ...setting, words: {} }, usual);
};

/** Whether a value is the default, or is left out. */
export const isDefault = (setting: Setting, value: unknown): boolean =>
  value === undefined || valueText(setting, value) === valueText(setting, setting.default);

/** Whether a setting has no effect, because the list that it belongs to holds none of its values. */
export const isIdle = ({ only }: Setting, values: Readonly<Record<string, unknown>>): boolean => {
  const list = only === undefined ? null : values[only.list];
  return only !== undefined && Array.isArray(list) && !only.holds.some((value) => list.includes(value));
};

/** The settings of a schema whose values are not their defaults, each with its value. */
export const changedSettings = (
  schema: z.ZodObject,
  values: Readonly<Record<string, unknown>>,
): readonly { readonly setting: Setting; readonly value: unknown }[] =>
  settingsOf(schema)
    .map((setting) => ({ setting, value: values[setting.name] }))
    .filter(({ setting, value }) => !isDefault(setting, value));

/** Parses a text as a value of the setting; the schema may still refuse it. */
export const valueIn = ({ kind }: Setting, text: string): unknown => {
  if (kind === 'whole' || kind === 'real') return text.trim() === '' ? Number.NaN : Number(text);
  return kind === 'switch' ? text === 'on' : text;
};

/** The settings whose values a schema refuses. */
export const refusedSettings = (schema: z.ZodObject, values: Readonly<Record<string, unknown>>): readonly Setting[] => {
  const names = schema.safeParse(values).error?.issues.map(({ path: [name] }) => name) ?? [];
  return settingsOf(schema).filter(({ name }) => names.includes(name));
};
