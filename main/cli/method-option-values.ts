import type { MethodOption } from '../contract/method.ts';
import { refuse } from '../contract/errors.ts';
import { methodName, type MethodName, type MethodOptions } from '../contract/plan.ts';
import { optionTexts } from '../pruning/method-options.ts';
import { methods } from '../pruning/methods.ts';
import { suggestion } from './nearest-name.ts';
import type { OptionReader } from './option-values.ts';

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

/** Adds KEY=VALUE to a method's options, as the method's own page names and types them. */
const withOption = (method: MethodName, before: MethodOptions, key: string, text: string): MethodOptions => {
  const known = optionTexts(methods[method]);
  const option = known.find(({ name }) => name === key);
  if (option === undefined) {
    const names = known.map(({ name }) => name);
    const hint = names.length === 0 ? 'It has none.' : suggestion(key, names);
    throw refuse('bad-value', `The method ${method} has no option "${key}".`, hint);
  }
  const value = valueOf(text, option);
  if (value === undefined)
    throw refuse(
      'bad-value',
      `--option ${key}: "${text}" is not ${expectedOf(option)}.`,
      `Give ${expectedOf(option)}.`,
    );
  return { ...before, [key]: value };
};

const split = (given: string, form: RegExp, expected: string): readonly string[] => {
  const match = form.exec(given);
  if (match === null)
    throw refuse(
      'bad-value',
      `--option "${given}" is not ${expected}.`,
      `Give ${expected}; \`uncurl methods NAME\` lists them.`,
    );
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
): Partial<Record<MethodName, MethodOptions>> => {
  const options: Partial<Record<MethodName, MethodOptions>> = {};
  for (const given of reader.texts('option')) {
    const [named = '', key = '', value = ''] = split(given, /^([^=.]+)\.([^=.]+)=(.+)$/, 'METHOD.KEY=VALUE');
    const method = methodName.safeParse(named);
    if (!method.success || !chosen.includes(method.data))
      throw refuse('bad-value', `--option "${given}": "${named}" is not among the methods.`, suggestion(named, chosen));
    options[method.data] = withOption(method.data, options[method.data] ?? {}, key, value);
  }
  return options;
};
