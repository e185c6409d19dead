import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from '../../contract/bounds.ts';
import type { FilterPipeline } from '../../contract/task.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { SPACE, strip } from '../python/python-text.ts';
import { compilePythonRegex } from '../python/regex/python-regex.ts';
import { FilterFault } from '../python/regex/regex-reader.ts';

/**
 * The match at index `group_select` (-1: the last); in a match with several groups, the first that is not empty. Null
 * if there is none.
 */
const selectMatch = (found: readonly (string | readonly string[])[], groupSelect: number): string | null => {
  const match = found.at(groupSelect);
  if (match === undefined || typeof match === 'string') return match ?? null;
  return match.find((group) => group !== '') ?? null;
};

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Characters that Python's re.escape writes with a backslash. */
const ESCAPED = /[()[\]{}?*+\-|^$\\.&~# \t\n\r\v\f]/g;
const escapedLength = (text: string): number => Array.from(text).length + (text.match(ESCAPED)?.length ?? 0);
const literal = (text: string): string =>
  Array.from(text, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`).join('');

const matches = (source: string, text: string): readonly string[] =>
  Array.from(text.matchAll(new RegExp(source, 'gv')), (match) => match[1] ?? match[0]);

/**
 * multi_choice_regex of lm-evaluation-harness 0.4.13: the match of the expression; else the letter, in brackets, of the
 * first choice whose text occurs in the response (longer texts first); else the letter after a colon.
 */
const multipleChoiceFilter = (
  settings: z.output<typeof multipleChoice>,
): ((response: string, options: readonly string[]) => string) => {
  const { group_select: groupSelect, fallback } = settings;
  const regex = compilePythonRegex(settings.regex_pattern);
  const ignored = (settings.regexes_to_ignore ?? []).map(compilePythonRegex);
  const reduced = (text: string): string => {
    let left = ignored.reduce((rest, entry) => entry.remove(rest), text);
    if (settings.ignore_case) left = left.toLowerCase();
    return settings.ignore_punctuation ? left.replace(/\p{P}/gu, '') : left;
  };
  const select = (found: readonly (string | readonly string[])[]): string =>
    strip(selectMatch(found, groupSelect) ?? '', 'both', null);
  return (response, options) => {
    if (options.length > LETTERS.length)
      throw new FilterFault(
        `multi_choice_regex meets ${options.length} choices (limit ${LETTERS.length})`,
        'Remove some.',
      );
    const direct = select(regex.findAll(response));
    if (direct !== '') return direct;
    const texts = options.map((option) => reduced(strip(option, 'both', null)));
    const letterOf = new Map(texts.map((text, index) => [text, `(${LETTERS[index] ?? ''})`]));
    const longestFirst = [...texts].sort((a, b) => escapedLength(b) - escapedLength(a));
    const named = select(matches(longestFirst.map(literal).join('|'), reduced(response)));
    if (named !== '') return letterOf.get(named) ?? named;
    const letters = Array.from(LETTERS.slice(0, options.length)).join('|');
    const lettered = select(matches(`:[${SPACE}]*(${letters})`, response));
    return lettered === '' ? fallback : `(${lettered})`;
  };
};

type Step = FilterPipeline['filter'][number];

/** Filters the responses to one item; `options` are the choices that the item offers. */
export type Filter = (responses: readonly string[], options: readonly string[]) => readonly string[];

/** lm-evaluation-harness's default pattern: the answer of GSM8K. */
const DEFAULT_PATTERN = '#### (\\-?[0-9\\.\\,]+)';
const FALLBACK = '[invalid]';

const none = z.strictObject({});
const regexShape = {
  regex_pattern: boundedText.default(DEFAULT_PATTERN),
  group_select: z.number().int().default(0),
  fallback: boundedText.default(FALLBACK),
};
const regex = z.strictObject(regexShape);
const multipleChoice = z.strictObject({
  ...regexShape,
  ignore_case: z.boolean().default(false),
  ignore_punctuation: z.boolean().default(false),
  regexes_to_ignore: boundedList(boundedText).nullish(),
});
const mapping = z.strictObject({ mapping_dict: boundedRecord(boundedText, boundedText), default_value: boundedText });

const parsed = <T>(schema: z.ZodType<T>, step: Step): T => {
  const { function: name, ...settings } = step;
  const result = schema.safeParse(settings);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  const more =
    name === 'map'
      ? ' Both mapping_dict (texts to texts) and default_value are needed: lm-evaluation-harness stops where a ' +
        'response is in neither of them.'
      : '';
  throw new FilterFault(
    `filter ${name}: ${field === '' ? '' : `${field}: `}${issue?.message ?? 'not supported'}`,
    `Check its settings.${more}`,
  );
};

const each =
  (change: (response: string, options: readonly string[]) => string): Filter =>
  (responses, options) =>
    responses.map((response) => change(response, options));

/** The most frequent response; of several the one that came first. */
const majority: Filter = (responses) => {
  const counts = new Map<string, number>();
  for (const response of responses) counts.set(response, (counts.get(response) ?? 0) + 1);
  const most = maxOf(counts.values());
  return [...counts]
    .filter(([, count]) => count === most)
    .slice(0, 1)
    .map(([response]) => response);
};

export const TAKE_FIRST = 'take_first';
export const MULTI_CHOICE = 'multi_choice_regex';

/** A filter whose settings are all of `schema`, and change nothing. */
const fixed =
  (filter: Filter, schema: z.ZodType = none) =>
  (step: Step): Filter => {
    parsed(schema, step);
    return filter;
  };

const first: Filter = (responses) => responses.slice(0, 1);

/** The filters of lm-evaluation-harness by name, each compiled from its settings. */
const FILTERS: ReadonlyMap<string, (step: Step) => Filter> = new Map(
  Object.entries({
    [TAKE_FIRST]: fixed(first),
    // There is one response per item, as `repeats` is 1.
    take_first_k: fixed(first, z.strictObject({ k: z.literal(1) })),
    majority_vote: fixed(majority),
    regex: (step) => {
      const { regex_pattern: pattern, group_select: groupSelect, fallback } = parsed(regex, step);
      const { findAll } = compilePythonRegex(pattern);
      return each((response) => {
        const found = findAll(response);
        return found.length === 0 ? fallback : strip(selectMatch(found, groupSelect) ?? fallback, 'both', null);
      });
    },
    [MULTI_CHOICE]: (step) => each(multipleChoiceFilter(parsed(multipleChoice, step))),
    remove_whitespace: fixed(each((response) => strip(response, 'both', null))),
    lowercase: fixed(each((response) => response.toLowerCase())),
    uppercase: fixed(each((response) => response.toUpperCase())),
    map: (step) => {
      const { mapping_dict: entries, default_value: otherwise } = parsed(mapping, step);
      const map = new Map(Object.entries(entries));
      return each((response) => map.get(response) ?? otherwise);
    },
  } satisfies Readonly<Record<string, (step: Step) => Filter>>),
);

/**
 * Compiles one filter of lm-evaluation-harness 0.4.13. Throws a FilterFault for unknown functions and settings, and for
 * an unusable expression.
 */
export const compileFilter = (step: Step): Filter => {
  const compile = FILTERS.get(step.function);
  if (compile !== undefined) return compile(step);
  const known = [...FILTERS.keys()].join(', ');
  throw new FilterFault(`the filter "${step.function}" is not supported`, `Filters here are ${known}.`);
};
