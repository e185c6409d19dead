import { strip } from '../python/python-value.ts';
import { compilePythonRegex } from '../python/regex/python-regex.ts';
import { FilterFault } from './filter-fault.ts';
import { selectMatch } from './select-match.ts';

export interface MultipleChoiceSettings {
  readonly pattern: string;
  readonly groupSelect: number;
  readonly fallback: string;
  readonly regexesToIgnore: readonly string[];
  readonly ignoreCase: boolean;
  readonly ignorePunctuation: boolean;
}

/** Characters that Python's `\\s` matches, inside brackets. */
const WHITE_SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
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
export const multipleChoiceFilter = (
  settings: MultipleChoiceSettings,
): ((response: string, options: readonly string[]) => string) => {
  const { groupSelect, fallback } = settings;
  const regex = compilePythonRegex(settings.pattern);
  const ignored = settings.regexesToIgnore.map(compilePythonRegex);
  const reduced = (text: string): string => {
    let left = ignored.reduce((rest, one) => one.remove(rest), text);
    if (settings.ignoreCase) left = left.toLowerCase();
    return settings.ignorePunctuation ? left.replace(/\p{P}/gu, '') : left;
  };
  const select = (found: readonly (string | readonly string[])[]): string =>
    strip(selectMatch(found, groupSelect) ?? '', 'both', null);
  return (response, options) => {
    if (options.length > LETTERS.length)
      throw new FilterFault(
        `multi_choice_regex meets ${String(options.length)} choices (limit ${String(LETTERS.length)})`,
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
    const lettered = select(matches(`:[${WHITE_SPACE}]*(${letters})`, response));
    return lettered === '' ? fallback : `(${lettered})`;
  };
};
