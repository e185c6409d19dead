import { z } from 'zod';
import type { FilterPipeline } from '../../contract/task.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { strip } from '../python/python-value.ts';
import { compilePythonRegex } from '../python/regex/python-regex.ts';
import { FilterFault } from './filter-fault.ts';
import { multipleChoiceFilter } from './multiple-choice-filter.ts';
import { selectMatch } from './select-match.ts';

/** Filters the responses to one item; `options` are the choices that the item offers. */
export type Filter = (responses: readonly string[], options: readonly string[]) => readonly string[];

/** lm-evaluation-harness's default pattern: the answer of GSM8K. */
const DEFAULT_PATTERN = '#### (\\-?[0-9\\.\\,]+)';
const FALLBACK = '[invalid]';

const none = z.strictObject({});
const regexShape = {
  regex_pattern: z.string().default(DEFAULT_PATTERN),
  group_select: z.number().int().default(0),
  fallback: z.string().default(FALLBACK),
};
const regex = z.strictObject(regexShape);
const multipleChoice = z.strictObject({
  ...regexShape,
  ignore_case: z.boolean().default(false),
  ignore_punctuation: z.boolean().default(false),
  regexes_to_ignore: z.array(z.string()).nullish(),
});
const mapping = z.strictObject({ mapping_dict: z.record(z.string(), z.string()), default_value: z.string() });

const parsed = <T>(schema: z.ZodType<T>, step: FilterPipeline['filter'][number]): T => {
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
const KNOWN = [
  TAKE_FIRST,
  'take_first_k',
  'majority_vote',
  'regex',
  MULTI_CHOICE,
  'remove_whitespace',
  'lowercase',
  'uppercase',
  'map',
];

/**
 * Compiles one filter of lm-evaluation-harness 0.4.13. Throws a FilterFault for unknown functions and settings, a
 * RegexFault for an unusable expression.
 */
export const compileFilter = (step: FilterPipeline['filter'][number]): Filter => {
  switch (step.function) {
    case TAKE_FIRST:
      parsed(none, step);
      return (responses) => responses.slice(0, 1);
    case 'take_first_k':
      // There is one response per item, as `repeats` is 1.
      parsed(z.strictObject({ k: z.literal(1) }), step);
      return (responses) => responses.slice(0, 1);
    case 'majority_vote':
      parsed(none, step);
      return majority;
    case 'remove_whitespace':
      parsed(none, step);
      return each((response) => strip(response, 'both', null));
    case 'lowercase':
      parsed(none, step);
      return each((response) => response.toLowerCase());
    case 'uppercase':
      parsed(none, step);
      return each((response) => response.toUpperCase());
    case 'map': {
      const { mapping_dict: entries, default_value: otherwise } = parsed(mapping, step);
      const map = new Map(Object.entries(entries));
      return each((response) => map.get(response) ?? otherwise);
    }
    case 'regex': {
      const { regex_pattern: pattern, group_select: groupSelect, fallback } = parsed(regex, step);
      const { findAll } = compilePythonRegex(pattern);
      return each((response) => {
        const found = findAll(response);
        return found.length === 0 ? fallback : strip(selectMatch(found, groupSelect) ?? fallback, 'both', null);
      });
    }
    case MULTI_CHOICE: {
      const {
        regex_pattern: pattern,
        group_select: groupSelect,
        fallback,
        ignore_case: ignoreCase,
        ignore_punctuation: ignorePunctuation,
        regexes_to_ignore: ignored,
      } = parsed(multipleChoice, step);
      return each(
        multipleChoiceFilter({
          pattern,
          groupSelect,
          fallback,
          ignoreCase,
          ignorePunctuation,
          regexesToIgnore: ignored ?? [],
        }),
      );
    }
    default:
      throw new FilterFault(`the filter "${step.function}" is not supported`, `Filters here are ${KNOWN.join(', ')}.`);
  }
};
