import { z } from 'zod';
import { boundedText } from './bounds.ts';

/** Kind of what is at a path that the user dropped or opened. */
export const pathKind = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('model') }),
  z.object({ kind: z.literal('task') }),
  /** The folder of a run, or a file in it; `isHere`: in this workspace. */
  z.object({ kind: z.literal('run'), run: boundedText, workspace: boundedText, isHere: z.boolean() }),
  z.object({ kind: z.literal('other'), path: boundedText, isFolder: z.boolean() }),
]);
export type PathKind = z.infer<typeof pathKind>;

/** A file name given by a page, without any path. */
export const givenFileName = z
  .string()
  .min(1)
  .max(160)
  .regex(/^(?!\.)[^\\/:*?"<>|\p{Cc}]+\.(?:jsonl|parquet|txt|yaml|yml)$/iu);

/** Bytes of the largest file that a page can give: in one message (16 MB), in base64, with room to spare. */
export const MAX_GIVEN_BYTES = 8 * 2 ** 20;
