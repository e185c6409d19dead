import type { ExactMatchOptions } from '../../contract/task.ts';
import { compilePythonRegex } from '../python/regex/python-regex.ts';

const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const DIGITS = /[0-9]/g;

/**
 * Whether the written text equals one of the answers. Throws a RegexFault for a text on which an expression cannot be
 * run.
 */
export type ExactMatch = (written: string, answers: readonly string[]) => boolean;

/**
 * exact_match of lm-evaluation-harness 0.4.13. On both sides, in this order: matches of `regexes_to_ignore` are
 * removed, letters are lowercased, ASCII punctuation is removed, ASCII digits are removed. The texts must then be
 * equal, apart from trailing NULs (NumPy's arrays drop them). With several answers, one must be equal. Throws a
 * RegexFault for an unusable expression.
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
