import type { ExactMatchOptions } from '../../contract/task.ts';
import { compilePythonRegex } from '../python/regex/python-regex.ts';

const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const DIGITS = /[0-9]/g;

/**
 * Whether what was written equals one of the answers. Throws a RegexFault for a text that an expression cannot be run
 * on.
 */
export type ExactMatch = (written: string, answers: readonly string[]) => boolean;

/**
 * exact_match of lm-evaluation-harness 0.4.13: from both sides, in this order, matches of `regexes_to_ignore` are
 * removed, letters made small, ASCII punctuation removed, ASCII digits removed; then texts must be equal (zeros at the
 * end do not count: its arrays drop them). Of several answers any may be equal. Throws a RegexFault for an expression
 * that cannot be used.
 */
export const compileExactMatch = (options: ExactMatchOptions): ExactMatch => {
  const ignored = (options.regexes_to_ignore ?? []).map(compilePythonRegex);
  const reduced = (text: string): string => {
    let left = ignored.reduce((rest, regex) => regex.remove(rest), text);
    if (options.ignore_case === true) left = left.toLowerCase();
    if (options.ignore_punctuation === true) left = left.replace(PUNCTUATION, '');
    if (options.ignore_numbers === true) left = left.replace(DIGITS, '');
    return left.replace(/\0+$/, '');
  };
  return (written, answers) => {
    const text = reduced(written);
    return answers.some((answer) => reduced(answer) === text);
  };
};
