import { timingSafeEqual } from 'node:crypto';
import { WorkbenchError } from '../contract/errors.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { isLack } from '../files/process-limits.ts';
import { processKey, readUserKey, requireUserKey, type UserKey } from './user-key.ts';

// A workspace may come from anybody, and a SHA-256 can be computed by anybody. What a job continues from therefore
// carries marks of those who computed it: HMACs over its key and hash, each with a user's key. A result without a mark
// of this user counts as absent, and is computed again. The marks of others who computed the same bytes are kept, so
// that users who share a workspace do not displace each other's results.

/** Kinds of stored results: a mark of one is none of another. */
export type MarkedKind = 'json' | 'profile' | 'overlay' | 'partial';

/** What a mark says: the bytes with this hash are the result of this key. */
export interface MarkedResult {
  readonly kind: MarkedKind;
  readonly key: string;
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
}

const NAME_DIGITS = 16;
const MARK_DIGITS = 64;
const DIGITS = NAME_DIGITS + MARK_DIGITS;
/** Users or machines whose marks one result carries; a further one displaces another. */
const MOST_MARKS = 8;
const MARKS = new RegExp(`^(?:[0-9a-f]{${DIGITS}}){0,${MOST_MARKS}}$`);

const markOf = (user: UserKey, { kind, key, sha256 }: MarkedResult): string =>
  user.sign(`uncurl-result 1\n${kind}\n${key}\n${sha256}`);

/** The marks in a text; none where it is no list of marks. */
const entriesOf = (marks: string): readonly string[] =>
  MARKS.test(marks)
    ? Array.from({ length: marks.length / DIGITS }, (_, index) => marks.slice(index * DIGITS, (index + 1) * DIGITS))
    : [];

/** Whether the user made this result. `marks`: names of keys and their marks, in hexadecimal, one after another. */
export const isMarkedBy = (user: UserKey, result: MarkedResult, marks: string): boolean => {
  const mark = entriesOf(marks).find((entry) => entry.startsWith(user.name));
  return (
    mark !== undefined &&
    timingSafeEqual(Buffer.from(mark.slice(NAME_DIGITS), 'hex'), Buffer.from(markOf(user, result), 'hex'))
  );
};

/** The marks of a result that the user has made. `others`: marks that the same bytes had already. */
export const marksWith = (user: UserKey, result: MarkedResult, others: string): string =>
  [
    user.name + markOf(user, result),
    ...entriesOf(others)
      .filter((entry) => !entry.startsWith(user.name))
      .slice(0, MOST_MARKS - 1),
  ]
    .sort()
    .join('');

/** Whose results a store uses. Asked at the first result. */
export type Maker = () => Promise<UserKey>;

/** This process alone: for folders that nobody else reads, such as those that end with a command. */
export const thisProcess: Maker = () => Promise.resolve(processKey);

/**
 * Whether there is no key to be had: none can lie there, it is damaged, or somebody else's. A disk that does not
 * answer, or a lack of open files, is no reason to compute hours of work again.
 */
const isWithoutKey = (error: unknown): boolean =>
  error instanceof WorkbenchError &&
  (['key-damaged', 'missing-file'].includes(error.code) ||
    ['EACCES', 'EPERM'].includes(fileErrorCode(error.cause) ?? ''));

const findKey = async (state: string): Promise<UserKey> => {
  try {
    const known = await readUserKey(state);
    if (known !== null) return known;
  } catch (error) {
    if (isWithoutKey(error)) return processKey;
    throw error;
  }
  try {
    return await requireUserKey(state);
  } catch (error) {
    if (error instanceof WorkbenchError && !isLack(error)) return processKey;
    throw error;
  }
};

/**
 * The user with the key in a state folder. Where none can be kept (in a read-only home), this process alone: what it
 * stores is not used by later ones.
 */
export const userOf = (state: string): Maker => {
  let key: Promise<UserKey> | null = null;
  return async () => {
    key ??= findKey(state);
    try {
      return await key;
    } catch (error) {
      key = null;
      throw error;
    }
  };
};
