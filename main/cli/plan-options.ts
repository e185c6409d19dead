import type { MethodOption } from '../contract/method.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { tableOf } from '../checkpoint/routing.ts';
import { refuse } from '../contract/errors.ts';
import { isMergePlan, type MethodName, type MethodOptions, type Pin, type Plan } from '../contract/plan.ts';
import { optionTexts } from '../pruning/method-page.ts';
import { methodNamed } from '../pruning/methods.ts';
import { nearestName, suggestion } from '../contract/nearest-name.ts';
import { badValue, type OptionReader } from './option-values.ts';

const numberOf = (text: string): number | null => {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
};

const valueOf = (
  text: string,
  { kind, choices, default: usual }: MethodOption,
): string | number | boolean | null | undefined => {
  if (text === 'null') return null;
  if (kind === 'switch') return text === 'true' ? true : text === 'false' ? false : undefined;
  if (kind === 'choice' && !choices.includes(text)) return undefined;
  return kind === 'number' || typeof usual === 'number' ? (numberOf(text) ?? undefined) : text;
};

const expectedOf = ({ kind, choices }: MethodOption): string =>
  kind === 'switch' ? 'true or false' : kind === 'choice' ? `one of ${choices.join(', ')}` : 'a number';

/** Adds KEY=VALUE to a method's options, with the names and types of the method's description. */
const withOption = (method: MethodName, before: MethodOptions, key: string, text: string): MethodOptions => {
  const known = optionTexts(methodNamed(method));
  const option = known.find(({ name }) => name === key);
  if (option === undefined) {
    const names = known.map(({ name }) => name);
    const hint = names.length === 0 ? 'It has none.' : suggestion(key, names);
    throw refuse('bad-value', `The method ${method} has no option "${key}".`, hint);
  }
  const value = valueOf(text, option);
  if (value === undefined) {
    const expected = expectedOf(option);
    const near = option.kind === 'choice' ? nearestName(text, option.choices) : null;
    const hint = near === null ? `Give ${expected}.` : `Did you mean "${near}"?`;
    throw refuse('bad-value', `--option ${key}: "${text}" is not ${expected}.`, hint);
  }
  return { ...before, [key]: value };
};

const split = (given: string, form: RegExp, expected: string): readonly string[] => {
  const match = form.exec(given);
  if (match === null) {
    const hint = `Give ${expected}; \`uncurl methods NAME\` lists them.`;
    throw refuse('bad-value', `--option "${given}" is not ${expected}.`, hint);
  }
  return match.slice(1);
};

/** Options of one method from `--option KEY=VALUE`. */
export const readMethodOptions = (reader: OptionReader, method: MethodName): MethodOptions => {
  let options: MethodOptions = {};
  for (const given of reader.texts('option')) {
    const [key = '', value = ''] = split(given, /^([^=.]+)=(.+)$/, 'KEY=VALUE');
    options = withOption(method, options, key, value);
  }
  return options;
};

/** Options of several methods from `--option METHOD.KEY=VALUE`. */
export const readOptionsByMethod = (
  reader: OptionReader,
  chosen: readonly MethodName[],
): Record<MethodName, MethodOptions> => {
  const options: Record<MethodName, MethodOptions> = {};
  for (const given of reader.texts('option')) {
    const [named = '', key = '', value = ''] = split(given, /^([^=.]+)\.([^=.]+)=(.+)$/, 'METHOD.KEY=VALUE');
    if (!chosen.includes(named))
      throw refuse('bad-value', `--option "${given}": "${named}" is not among the methods.`, suggestion(named, chosen));
    options[named] = withOption(named, options[named] ?? {}, key, value);
  }
  return options;
};

/** Reads `--pin L:E` (the expert stays) and `--drop L:E` (the expert goes). */
export const readPins = (reader: OptionReader): readonly Pin[] =>
  [true, false].flatMap((keep) =>
    reader.list(keep ? 'pin' : 'drop').map((value) => {
      const match = /^(\d+):(\d+)$/.exec(value);
      if (match === null) throw badValue(keep ? 'pin' : 'drop', value, 'LAYER:EXPERT, two numbers counted from 0');
      return { layer: Number(match[1]), expert: Number(match[2]), keep };
    }),
  );

export const HASH_LAYERS = {
  'hash-layers': {
    type: 'string',
    value: 'WHAT',
    help:
      'Layers that choose experts by a table of tokens: rewrite the table for the kept experts (default), or keep ' +
      'it and refuse plans that drop experts which it names.',
  },
} as const;

/** @throws WorkbenchError `hash-layers` where tables of experts must stay, and the plan drops experts from them. */
export const requireTables = (reader: OptionReader, { name, descriptor }: Checkpoint, plan: Plan): void => {
  if (reader.choice('hash-layers', ['rewrite', 'keep']) !== 'keep') return;
  if (isMergePlan(plan) || plan.constants !== undefined) return;
  const layer = descriptor.moeLayers.findIndex(
    ({ moe }, index) => tableOf(moe.routing) !== null && (plan.kept[index]?.length ?? 0) < moe.experts,
  );
  if (layer < 0) return;
  throw refuse(
    'hash-layers',
    `${name}: MoE layer ${String(layer)} chooses experts by a table of tokens, and the table names experts that the ` +
      'plan drops. All layers keep the same number of experts, so the table cannot stay.',
    'Leave --hash-layers out: the table is rewritten, and the plan says so.',
  );
};
