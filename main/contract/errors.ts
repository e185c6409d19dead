import { z } from 'zod';

/**
 * An error with what is wrong, where, and what to do. `refused` (bad usage or refused input) makes the command line
 * exit with 2, `failed` with 1, `cancelled` with 130. Crosses hosts as `{code, kind, message, remedy}`.
 */
export type ErrorKind = 'refused' | 'failed' | 'cancelled';

export class WorkbenchError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  /** Advice to the reader, in one sentence. */
  readonly remedy: string;

  constructor(code: string, kind: ErrorKind, message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WorkbenchError';
    this.code = code;
    this.kind = kind;
    this.remedy = remedy;
  }
}

/** An error for unusable input: `message` names the offending value and where it is. */
export const refuse = (code: string, message: string, remedy: string, cause?: unknown): WorkbenchError =>
  new WorkbenchError(code, 'refused', message, remedy, cause === undefined ? undefined : { cause });

/** An error of work that did not succeed, although nothing was wrong with the request. */
export const fail = (code: string, message: string, remedy: string, cause?: unknown): WorkbenchError =>
  new WorkbenchError(code, 'failed', message, remedy, cause === undefined ? undefined : { cause });

export class CancelledError extends WorkbenchError {
  constructor(what: string, remedy = 'Resume it to go on from the last finished step.') {
    super('cancelled', 'cancelled', `${what} was cancelled.`, remedy);
    this.name = 'CancelledError';
  }
}

/** The error of a call that its caller cancelled. */
export const callCancelled = (name: string): WorkbenchError =>
  new WorkbenchError('call-cancelled', 'cancelled', `${name} was cancelled.`, 'Try again.');

/**
 * Ends an answer that nobody waits for any more. Called just before it changes something.
 *
 * @throws WorkbenchError `call-cancelled`.
 */
export const requireAsked = (signal: AbortSignal): void => {
  if (signal.aborted) throw callCancelled('The request');
};

/**
 * For `catch`: an answer in place of an error of the workbench that was to be expected, of any code or of one of these
 * codes or kinds. Every other error is thrown on.
 */
export const expected =
  <T>(answer: (error: WorkbenchError) => T, which: string | readonly string[] = []) =>
  (error: unknown): T => {
    if (!(error instanceof WorkbenchError)) throw error;
    const wanted = typeof which === 'string' ? [which] : which;
    if (wanted.length > 0 && !wanted.includes(error.code) && !wanted.includes(error.kind)) throw error;
    return answer(error);
  };

export interface SerialisedError {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly remedy: string;
}

/** Messages of V8 and onnxruntime when memory for an array, a string or a tensor runs out. */
const NO_MEMORY =
  /allocation failed|bad_alloc|failed to allocate|out of memory|invalid (?:typed )?array length|invalid string length/i;

const isOutOfMemory = (error: unknown): error is Error => error instanceof Error && NO_MEMORY.test(error.message);

/**
 * Serialises an error for crossing a host boundary. Lack of memory is named as such, whoever reports it; unknown errors
 * keep their message and are `failed`.
 */
export const serialiseError = (error: unknown): SerialisedError =>
  isOutOfMemory(error)
    ? {
        code: 'out-of-memory',
        kind: 'failed',
        message: `There is not enough memory: ${error.message}`,
        remedy: 'Close other programs, lower the memory budget (--memory), or use fewer threads.',
      }
    : error instanceof WorkbenchError
      ? { code: error.code, kind: error.kind, message: error.message, remedy: error.remedy }
      : {
          code: 'internal',
          kind: 'failed',
          message: error instanceof Error ? error.message : String(error),
          remedy: 'This is a defect of the workbench: please report it with the steps that led here.',
        };

export const reviveError = (error: SerialisedError): WorkbenchError =>
  new WorkbenchError(error.code, error.kind, error.message, error.remedy);

/** Makes a switch over a union exhaustive: a new member is a compile error here, and throws at run time. */
export const assertNever = (value: never): never => {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
};

/**
 * A value that cannot be missing.
 *
 * @throws Error with the message where it is missing all the same: a defect of the workbench.
 */
export const present = <T>(value: T, message: string): NonNullable<T> => {
  if (value === undefined || value === null) throw new Error(message);
  return value;
};

/** Makes something of a value; null where there is none. */
export const given = <T, R>(value: T, make: (value: NonNullable<T>) => R): R | null =>
  value === undefined || value === null ? null : make(value);

/**
 * The item of a list at an index that cannot be outside it.
 *
 * @throws Error where there is no such item: a defect of the workbench.
 */
export const at = <T>(list: ArrayLike<T>, index: number, message?: string): NonNullable<T> => {
  const item = list[index];
  if (item !== undefined && item !== null) return item;
  throw new Error(message ?? `there is no item ${index} in a list of ${list.length}`);
};

/** The value of a JSON text; undefined for any other text, which no JSON text gives. */
export const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

const EXPECTED: Readonly<Partial<Record<string, string>>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** "null", "a list", "1.5", "a string". */
const givenWords = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return EXPECTED[typeof value] ?? typeof value;
};

// Values of a wrong type are the mistakes that people make most often in files of their own. A schema's own message
// takes precedence; other mistakes have zod's words.
z.config({
  customError: ({ code, expected, input }) => {
    const wanted = code === 'invalid_type' && typeof expected === 'string' ? EXPECTED[expected] : undefined;
    if (wanted === undefined) return undefined;
    return input === undefined ? `missing; ${wanted} is expected` : `${wanted} is expected, not ${givenWords(input)}`;
  },
});
