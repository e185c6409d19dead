import { z } from 'zod';
import { WorkbenchError, refuse } from '../contract/errors.ts';
import type { CallName, CallOutput } from '../contract/calls.ts';

/** One function per call, whatever it is given: the input is parsed before, and the output after it was answered. */
export type Answers = { readonly [N in CallName]: (input: unknown) => Promise<CallOutput<N>> };

/** Guards a call's handler with its schemas. */
export const answer =
  <I extends z.ZodType, O extends z.ZodType>(
    call: { readonly input: I; readonly output: O },
    handle: (input: z.output<I>) => Promise<z.input<O>> | z.input<O>,
  ): ((input: unknown) => Promise<z.output<O>>) =>
  async (raw) => {
    const input = call.input.safeParse(raw);
    if (!input.success) throw refuse('invalid-input', `The call is malformed: ${z.prettifyError(input.error)}`, 'Correct the named fields.');
    const output = call.output.safeParse(await handle(input.data));
    if (output.success) return output.data;
    throw new WorkbenchError(
      'invalid-output',
      'failed',
      `The answer breaks the contract: ${z.prettifyError(output.error)}`,
      'This is a defect of the workbench: please report it with the steps that led here.',
    );
  };
