import { z } from 'zod';
import { AnswerText, calls, type CallInput, type CallName, type CallOutput, type CallParsed } from './calls.ts';
import { fail, jsonIn, refuse } from './errors.ts';

/*
 * A call is parsed once each way, at the receiving end. Its input: where it enters the engine (`serveRpc` for pages,
 * `Engine.call` within a process). Its output: where the caller receives it (`connectRpc` for pages, which may be of
 * another version than the engine, and again `Engine.call` within a process).
 */

/** The calls, typed so that the compiler relates one call's input to its output. */
const schemas: {
  readonly [N in CallName]: {
    readonly input: z.ZodType<CallParsed<N>, CallInput<N>>;
    readonly output: z.ZodType<CallOutput<N>>;
  };
} = calls;

/**
 * Parses a call's input with a schema: fills in defaults, drops unknown fields.
 *
 * @throws WorkbenchError `invalid-input` naming the call and the fields.
 */
export const inputBy = <T>(schema: z.ZodType<T>, name: string, value: unknown): T => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw refuse('invalid-input', `${name}: ${z.prettifyError(parsed.error)}`, 'Correct the named fields of the call.');
};

/** @throws WorkbenchError `invalid-input`. */
export const parseInput = <N extends CallName>(name: N, value: unknown): CallParsed<N> => {
  const schema: z.ZodType<CallParsed<N>> = schemas[name].input;
  return inputBy(schema, name, value);
};

/** @throws WorkbenchError `invalid-output`, a defect of the workbench itself. */
export const parseOutput = <N extends CallName>(name: N, value: unknown): CallOutput<N> => {
  const schema: z.ZodType<CallOutput<N>> = schemas[name].output;
  const parsed = schema.safeParse(value instanceof AnswerText ? jsonIn(value.text) : value);
  if (parsed.success) return parsed.data;
  throw fail(
    'invalid-output',
    `${name} gave an answer that breaks the contract: ${z.prettifyError(parsed.error)}`,
    'Page and engine may be of different versions: reload the page, or restart the workbench. ' +
      'If it comes again, please report it with the steps that led here.',
  );
};

export const isCallName = (name: string): name is CallName => Object.hasOwn(calls, name);
