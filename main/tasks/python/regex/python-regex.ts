import { createContext, Script } from 'node:vm';
import { RegexFault } from './regex-fault.ts';
import { translateRegex } from './translate-regex.ts';

/** Longer than what any model is asked to write. */
export const MAX_SEARCHED_CHARACTERS = 65_536;
/** An expression with nested repetitions can take longer than the age of the world. */
const LIMIT_MS = 2_000;
/** Below this length one open repetition cannot take long. */
const SHORT_CHARACTERS = 1_024;

/**
 * A compiled regular expression of Python. Both functions throw a RegexFault where a text is too long or takes too
 * long.
 */
export interface PythonRegex {
  readonly pattern: string;
  /**
   * `re.findall`: whole matches, or the only group of each, or a list with all its groups; a group that is not set is
   * ''.
   */
  readonly findAll: (text: string) => readonly (string | readonly string[])[];
  /** `re.sub(pattern, "", text)`. */
  readonly remove: (text: string) => string;
}

const sandbox: { work: () => void } = { work: () => undefined };
const context = createContext(sandbox);
const script = new Script('work()');

/** A watchdog can end an expression that runs; nothing else can. */
const withinLimit = <T>(pattern: string, work: () => T): T => {
  const results: T[] = [];
  sandbox.work = () => {
    results.push(work());
  };
  try {
    script.runInContext(context, { timeout: LIMIT_MS });
  } catch (cause) {
    // The error is of the other context, whose Error is another.
    if (
      typeof cause !== 'object' ||
      cause === null ||
      !('code' in cause) ||
      cause.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT'
    )
      throw cause;
    throw new RegexFault(
      `the regular expression ${JSON.stringify(pattern)} takes more than ${String(LIMIT_MS / 1000)} s on one text`,
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

/** Compiles an expression of Python's `re` (see translateRegex for what is refused, by a RegexFault). */
export const compilePythonRegex = (pattern: string): PythonRegex => {
  const { source, flags, groups, openRepeats } = translateRegex(pattern);
  const regex = new RegExp(source, `g${flags}`);
  const bounded = <T>(text: string, work: () => T): T => {
    if (text.length > MAX_SEARCHED_CHARACTERS) {
      throw new RegexFault(
        `a text of ${String(text.length)} characters is searched (limit ${String(MAX_SEARCHED_CHARACTERS)})`,
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
