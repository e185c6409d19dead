import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { type RoundedType, roundedTypes } from './export.ts';
import { methodName, type MethodName, type RefitName } from './plan.ts';
import { UNPRUNED } from './sweep.ts';

/** An option of a method, as its page and its controls show it. */
export const methodOption = z.object({
  name: boundedText,
  kind: z.enum(['choice', 'number', 'switch']),
  /** Values to choose from; empty for other kinds of options. */
  choices: boundedList(boundedText),
  default: z.union([boundedText, z.number(), z.boolean(), z.null()]),
  help: boundedText,
});
export type MethodOption = z.infer<typeof methodOption>;

/** The seed matters where an option has this value. */
export const drawCondition = z.object({ option: boundedText, value: boundedText });

/** Whether plans depend on the seed: always, never, or where one of these conditions is met. */
export const drawRule = z.union([z.boolean(), boundedList(drawCondition)]);
export type DrawRule = z.infer<typeof drawRule>;

/** The page of a method, for `uncurl methods NAME` and the window. */
export const methodPage = z.object({
  name: methodName,
  title: boundedText,
  /** One sentence. */
  summary: boundedText,
  kind: z.enum(['drop', 'merge']),
  /** Needed before planning: nothing, a profile, a search on labelled items, or a search or fit without labels. */
  needs: z.enum(['nothing', 'routing', 'search', 'fit']),
  /** Cost of that beyond one pass over the task's calibration items. */
  cost: boundedText,
  formula: boundedText,
  defaults: boundedText,
  /** Paper, and the source of our interpretation of it. */
  source: boundedText,
  pitfalls: boundedList(boundedText),
  /** Whether its plans depend on the seed: such a method is measured once per seed of a sweep. */
  draws: drawRule,
  options: boundedList(methodOption),
  text: boundedText,
});
export type MethodPage = z.infer<typeof methodPage>;

/** Whether a rule is met by options, which must be complete: each has a value. */
export const isDrawn = (rule: DrawRule, options: Readonly<Record<string, unknown>>): boolean =>
  typeof rule === 'boolean' ? rule : rule.some(({ option, value }) => options[option] === value);

/** Whether a method's plans depend on the seed with these options; missing ones take their defaults. */
export const methodDraws = (
  { draws, options }: Pick<MethodPage, 'draws' | 'options'>,
  given: Readonly<Record<string, unknown>> = {},
): boolean =>
  isDrawn(draws, { ...Object.fromEntries(options.map((option) => [option.name, option.default])), ...given });

/** Suffix of a curve's name for recovered plans. */
const suffixes: Readonly<Record<RefitName, string>> = {
  experts: '+recovery',
  router: '+router',
  'router+experts': '+router+experts',
};

/** Name of a curve among the methods of a sweep: the method, what was refitted, and the type of rounded weights. */
export const curveLabel = (method: string, refit: RefitName | null, weights?: RoundedType): string =>
  `${method}${refit === null ? '' : suffixes[refit]}${weights === undefined ? '' : `@${weights}`}`;

/** A curve's name without its weight type, and that type; null: as stored. */
export const weightsOfLabel = (label: string): { readonly bare: string; readonly weights: RoundedType | null } => {
  const weights = roundedTypes.find((type) => label.endsWith(`@${type}`)) ?? null;
  return { bare: weights === null ? label : label.slice(0, -weights.length - 1), weights };
};

/**
 * Splits a curve's name; `method` is null for the unpruned model or a file. Whether the method exists, only the engine
 * knows.
 */
export const methodOfLabel = (
  label: string,
): { readonly method: MethodName | null; readonly isRecovered: boolean; readonly refit: RefitName | null } => {
  const { bare } = weightsOfLabel(label);
  for (const refit of ['router+experts', 'router', 'experts'] as const) {
    if (!bare.endsWith(suffixes[refit])) continue;
    return { method: named(bare.slice(0, -suffixes[refit].length)), isRecovered: true, refit };
  }
  return { method: named(bare), isRecovered: false, refit: null };
};

const named = (name: string): MethodName | null => {
  const known = methodName.safeParse(name);
  if (name === UNPRUNED) return null;
  return known.success ? known.data : null;
};
