import { z } from 'zod';

/** Texts of a setting, in addition to its schema. */
export interface SettingText {
  /** In the window. */
  readonly label: string;
  /** On the command line, without the dashes. */
  readonly flag: string;
  /** Its effect, in a sentence or two, without its default. */
  readonly help: string;
  /** Its default in words, where the value alone is not enough. */
  readonly otherwise?: string;
  /** Shown in the window only where the list of this name contains this value: a setting of one stage, say. */
  readonly only?: { readonly list: string; readonly holds: string };
}

/** Texts of the settings, registered on the fields of their schemas. */
export const settingTexts = z.registry<SettingText>();

/** A setting as the command line, the window and the documents show it. */
export interface Setting extends SettingText {
  /** Its key in the settings. */
  readonly name: string;
  readonly kind: 'whole' | 'real' | 'choice' | 'list';
  /** Values of a choice or of a list; empty where any value is allowed. */
  readonly choices: readonly string[];
  /** Whether null means "not given". */
  readonly isOptional: boolean;
  /** Allowed values in words: "a whole number from 1". */
  readonly range: string;
  readonly default: unknown;
}

const limits = z.looseObject({
  type: z.string().optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  enum: z.array(z.string()).optional(),
  items: z.looseObject({ enum: z.array(z.string()).optional() }).optional(),
});
type Limits = z.infer<typeof limits>;
const described = z.object({
  properties: z.record(z.string(), limits.extend({ anyOf: z.array(limits).optional(), default: z.unknown() })),
});

const numberRange = ({ type, minimum, exclusiveMinimum, maximum }: Limits): string => {
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? null : String(maximum);
  if (type === 'integer') {
    const least = exclusiveMinimum === undefined ? (minimum ?? 0) : exclusiveMinimum + 1;
    return `a whole number from ${String(least)}${most === null ? '' : ` to ${most}`}`;
  }
  if (exclusiveMinimum !== undefined)
    return `above ${String(exclusiveMinimum)}${most === null ? '' : `, at most ${most}`}`;
  return `${String(minimum ?? 0)} or above${most === null ? '' : `, at most ${most}`}`;
};

const kindOf = ({ type, enum: choices }: Limits): Setting['kind'] =>
  type === 'array' ? 'list' : choices !== undefined ? 'choice' : type === 'integer' ? 'whole' : 'real';

const rangeOf = (shape: Limits, choices: readonly string[]): string => {
  const kind = kindOf(shape);
  if (kind === 'whole' || kind === 'real') return numberRange(shape);
  if (kind === 'choice') return `one of ${choices.join(', ')}`;
  return choices.length === 0 ? 'values separated by commas' : `one or more of ${choices.join(', ')}, each once`;
};

/** The settings of a schema in order; every field must have texts. */
export const settingsOf = (schema: z.ZodObject): readonly Setting[] => {
  const { properties } = described.parse(z.toJSONSchema(schema, { io: 'input' }));
  return Object.entries(properties).map(([name, { anyOf, default: value, ...own }]) => {
    const field: unknown = schema.shape[name];
    const text = field instanceof z.ZodType ? settingTexts.get(field) : undefined;
    if (text === undefined) throw new Error(`the setting ${name} has no texts`);
    const shape = anyOf?.find(({ type }) => type !== 'null') ?? own;
    const choices = shape.enum ?? shape.items?.enum ?? [];
    return {
      ...text,
      name,
      kind: kindOf(shape),
      choices,
      isOptional: anyOf?.some(({ type }) => type === 'null') ?? false,
      range: rangeOf(shape, choices),
      default: value,
    };
  });
};

/** The default in words: from its texts, or the value. */
export const defaultText = ({ otherwise, default: value }: Setting): string =>
  otherwise ?? (Array.isArray(value) ? value.join(',') : typeof value === 'number' ? numberText(value) : String(value));

/** 0.000001 instead of 1e-6. */
const numberText = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toFixed(12).replace(/0+$/, '') : String(value);

/** Names of the settings among the given values that a schema refuses. */
export const refusedSettings = (schema: z.ZodObject, values: Readonly<Record<string, unknown>>): readonly string[] =>
  (schema.safeParse(values).error?.issues ?? []).flatMap(({ path: [name] }) =>
    typeof name === 'string' ? [name] : [],
  );
