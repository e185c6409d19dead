import { createContext, Script } from 'node:vm';
import { FilterFault } from './regex-reader.ts';
import { translateRegex } from './translate-regex.ts';

/** Longer than any text that a model is asked to write. */
export const MAX_SEARCHED_CHARACTERS = 65_536;
/** An expression with nested repetitions can take practically for ever. */
const LIMIT_MS = 2_000;
/** Below this length a single unbounded repetition cannot take long. */
const SHORT_CHARACTERS = 1_024;

/** A compiled Python regular expression. Both functions throw a FilterFault if a text is too long or takes too long. */
export interface PythonRegex {
  readonly pattern: string;
  /** `re.findall`: whole matches, or the single group of each, or a list of all its groups; an unset group is ''. */
  readonly findAll: (text: string) => readonly (string | readonly string[])[];
  /** `re.sub(pattern, "", text)`. */
  readonly remove: (text: string) => string;
}

const sandbox: { work: () => void } = { work: () => undefined };
const context = createContext(sandbox);
const script = new Script('work()');

/** Only a watchdog can stop a running expression. */
const withinLimit = <T>(pattern: string, work: () => T): T => {
  const results: T[] = [];
  sandbox.work = () => {
    results.push(work());
  };
  try {
    script.runInContext(context, { timeout: LIMIT_MS });
  } catch (cause) {
    // The error comes from another context with its own Error class.
    if (
      typeof cause !== 'object' ||
      cause === null ||
      !('code' in cause) ||
      cause.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT'
    )
      throw cause;
    throw new FilterFault(
      `the regular expression ${JSON.stringify(pattern)} takes more than ${LIMIT_MS / 1000} s on one text`,
      'Write it without repetitions inside repetitions that can match the same text.',
      { cause },
    );
  } finally {
    sandbox.work = () => undefined;
  }
  const [result] = results;
  if (result === undefined) throw new TypeError('no result');
  return result;
};

/** Compiles an expression of Python's `re`. Throws a FilterFault for those that translateRegex refuses. */
export const compilePythonRegex = (pattern: string): PythonRegex => {
  const { source, flags, groups, openRepeats } = translateRegex(pattern);
  const regex = new RegExp(source, `g${flags}`);
  const bounded = <T>(text: string, work: () => T): T => {
    if (text.length > MAX_SEARCHED_CHARACTERS) {
      throw new FilterFault(
        `a text of ${text.length} characters is searched (limit ${MAX_SEARCHED_CHARACTERS})`,
        'Let the model write less: lower maxNewTokens, or name a stop string.',
      );
    }
    return openRepeats === 0 || (openRepeats === 1 && text.length <= SHORT_CHARACTERS)
      ? work()
      : withinLimit(pattern, work);
  };
  const found = (match: RegExpMatchArray): string | readonly string[] => {
    if (groups === 0) return match[0];
    const members = Array.from({ length: groups }, (_, index) => match[index + 1] ?? '');
    return groups === 1 ? (members[0] ?? '') : members;
  };
  return {
    pattern,
    findAll: (text) => bounded(text, () => Array.from(text.matchAll(regex), found)),
    remove: (text) => bounded(text, () => text.replace(regex, '')),
  };
};
