import type { MethodOption } from '../contract/method.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { tableOf } from '../checkpoint/routing.ts';
import { refuse } from '../contract/errors.ts';
import { isMergePlan, type MethodName, methodName, type MethodOptions, type Pin, type Plan } from '../contract/plan.ts';
import { optionTexts } from '../pruning/method-page.ts';
import { methodNamed, methodNames } from '../pruning/methods.ts';
import { nearestName, suggestion } from '../contract/nearest-name.ts';
import { badValue, type OptionReader, partsOf, valueOption } from './verb.ts';
import { basename } from 'node:path';
import type { SweepSettings } from '../contract/sweep.ts';
import { isCountsFile, readRankingText } from '../pruning/expert-files/importance-matrix.ts';
import { readTextFile } from './files.ts';

const PREFIX = 'file:';

/** A method that is read from a file: its name and path. */
interface NamedFile {
  readonly name: MethodName;
  readonly file: string;
}

/** Parses `file:NAME=FILE`; null where the value names a built-in method. */
export const namedFile = (value: string): NamedFile | null => {
  if (!value.startsWith(PREFIX)) return null;
  const [, name = '', file = ''] = /^([^=]*)=(.+)$/.exec(value.slice(PREFIX.length)) ?? [];
  const isFree = methodName.safeParse(name).success && !methodNames.includes(name);
  if (isFree && file !== '') return { name, file };
  throw refuse(
    'bad-value',
    `--method "${value}" does not have the form file:NAME=FILE.`,
    'Choose a NAME of lower-case words joined by hyphens that no method has, for example file:mine=ranking.json.',
  );
};

/** A path may contain commas: a value that begins with `file:` is one file; all other values are lists. */
const valuesOf = (given: readonly string[]): readonly string[] =>
  given.flatMap((value) => (value.startsWith(PREFIX) ? [value] : partsOf(value)));

/** The text of a method's file. Counts of tokens become a ranking, which fits the model that they were taken from. */
const textOf = async (
  { name, file }: NamedFile,
  models: readonly string[],
  say: (line: string) => void,
): Promise<string> => {
  if (!isCountsFile(file)) return readTextFile(file, `the method ${name}`);
  const [model] = models;
  if (model === undefined || models.length > 1)
    throw refuse(
      'bad-value',
      `The counts in ${file} belong to one model, and ${models.length} are swept.`,
      'Sweep that model alone, or make a ranking for each with `uncurl plan`.',
    );
  const { text, notes } = await readRankingText(file, await openCheckpoint(model));
  for (const note of notes) say(note);
  return text;
};

/** The methods of a sweep from `--method`: names of built-in methods, and files with their text. */
export const readMethods = async (
  given: readonly string[],
  models: readonly string[],
  say: (line: string) => void,
): Promise<{ readonly methods: readonly MethodName[]; readonly files: NonNullable<SweepSettings['files']> }> => {
  const methods: MethodName[] = [];
  const files: NonNullable<SweepSettings['files']> = {};
  for (const value of valuesOf(given)) {
    const named = namedFile(value);
    const method = named?.name ?? value;
    if (named === null && !methodNames.includes(method))
      throw refuse('bad-value', `--method "${value}" is unknown.`, suggestion(value, methodNames));
    if (named !== null) {
      if (method in files)
        throw refuse('bad-value', `Two files are called "${method}".`, 'Give each a name of its own.');
      files[method] = { name: basename(named.file), text: await textOf(named, models, say) };
    }
    methods.push(method);
  }
  return { methods, files };
};

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
  'hash-layers': valueOption(
    'WHAT',
    'Layers that choose experts by a table of tokens: rewrite the table for the kept experts (default), or keep ' +
      'it and refuse plans that drop experts which it names.',
  ),
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
    `${name}: MoE layer ${layer} chooses experts by a table of tokens, and the table names experts that the ` +
      'plan drops. All layers keep the same number of experts, so the table cannot stay.',
    'Leave --hash-layers out: the table is rewritten, and the plan says so.',
  );
};
