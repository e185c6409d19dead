import { z } from 'zod';
import { boundedText, NAME_CHARACTERS, sentence, shortName } from './bounds.ts';

/** A machine as the user names it to ssh: `[USER@]HOST`, or a name of the ssh configuration; never an option. */
export const remoteHost = z
  .string()
  .max(NAME_CHARACTERS)
  .regex(/^[^\s-]\S*$/, 'Name it as you do to ssh: [USER@]HOST');

/** What a connection does, in this order. */
export const remoteStep = z.enum(['reach', 'find', 'forward', 'open']);
export type RemoteStep = z.infer<typeof remoteStep>;

/** What ssh asks. `yes-no`: an unknown host key; `note`: a text that waits for no answer (touch the key). */
export const sshQuestion = z.object({
  id: z.number().int().nonnegative(),
  kind: z.enum(['secret', 'yes-no', 'note']),
  text: sentence,
});
export type SshQuestion = z.infer<typeof sshQuestion>;

/** Longer than any passphrase or code; pipes hold this much at once. */
export const sshAnswer = z
  .string()
  .max(1_024)
  .regex(/^[^\n\r\0]*$/, 'one line');

/** Settings of the line's process: its only argument, as JSON. */
export const lineSettings = z.object({ host: remoteHost, resources: boundedText.min(1) });
export type LineSettings = z.infer<typeof lineSettings>;

/** A task that the line was given under `id` ended; `problem`: it failed. */
const ended = z.object({
  type: z.literal('ended'),
  id: z.number().int(),
  problem: z.object({ code: shortName, message: sentence, remedy: sentence }).nullable(),
  /** Files that were compared. */
  files: z.number().int().nonnegative(),
});

/** Shell to the line's process. */
export const lineCommand = z.discriminatedUnion('type', [
  /** Comes with one MessagePort: the far engine's end of a page's connection. */
  z.object({ type: z.literal('page') }),
  z.object({ type: z.literal('answer'), id: z.number().int(), answer: sshAnswer.nullable() }),
  /** Copy the folder that a run made into the new folder `out`. */
  z.object({ type: z.literal('fetch'), id: z.number().int(), run: shortName, out: boundedText.min(1) }),
  z.object({ type: z.literal('fetch-cancel'), id: z.number().int() }),
  /** End the engine there. */
  z.object({ type: z.literal('stop-engine'), id: z.number().int() }),
  /** Close the line; the engine there goes on. */
  z.object({ type: z.literal('close') }),
]);
export type LineCommand = z.infer<typeof lineCommand>;

/** The line's process to the shell. */
export const lineReport = z.discriminatedUnion('type', [
  z.object({ type: z.literal('step'), step: remoteStep }),
  /** The engine there can be called: for the first time, or again after a cut. */
  z.object({ type: z.literal('opened'), isFirst: z.boolean() }),
  z.object({ type: z.literal('cut'), message: sentence }),
  z.object({ type: z.literal('question'), question: sshQuestion }),
  z.object({ type: z.literal('question-over'), id: z.number().int() }),
  z.object({ type: z.literal('fetching'), id: z.number().int(), text: sentence }),
  ended,
  /** The line cannot be kept; the process exits next. */
  z.object({ type: z.literal('failed'), code: shortName, message: sentence, remedy: sentence }),
]);
export type LineReport = z.infer<typeof lineReport>;
