import { z } from 'zod';
import { boundedList, boundedText, folderName } from './bounds.ts';
import { pathHandle } from './model.ts';

/** Parts of a run that act once it is resumed, and whether this user's engine wrote it here. */
export const runOrigin = z.object({
  run: boundedText,
  isMadeHere: z.boolean(),
  /** Fingerprint of these parts now; a confirmation repeats it. */
  code: boundedText,
  /** The program, destination and inputs that it names; `program` null: none, or the workspace's own Python. */
  says: z.object({
    program: boundedText.nullable(),
    destination: boundedText.nullable(),
    reads: boundedList(boundedText),
  }),
  /** Values needed to resume a run that was not made here; the run's own program and destination are never used. */
  asks: z.object({ program: z.boolean(), destination: z.boolean() }),
});
export type RunOrigin = z.infer<typeof runOrigin>;

export const runCodeText = z.string().regex(/^[0-9a-f]{32}$/);

/** Confirms a run that was not made here, with what it asks for. */
export const confirmedRun = z.object({
  code: runCodeText,
  /** Program for training; null: the Python of the workspace's own environment. */
  python: pathHandle.nullable().default(null),
  /** Parent folder of the output, and the new folder's name. */
  destination: z.object({ into: pathHandle, name: folderName }).nullable().default(null),
});
export type ConfirmedRun = z.infer<typeof confirmedRun>;
