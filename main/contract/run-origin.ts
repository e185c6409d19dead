import { z } from 'zod';
import { pathHandle } from './model.ts';

/** What a run names that acts once it is resumed, and whether this user's engine wrote that here. */
export const runOrigin = z.object({
  run: z.string(),
  isMadeHere: z.boolean(),
  /** Names what the run says as it is now; who confirms it says it back. */
  code: z.string(),
  /** Says what it names; `program` null: none, or the Python of the workspace's own environment. */
  says: z.object({ program: z.string().nullable(), destination: z.string().nullable(), reads: z.array(z.string()) }),
  /** What whoever resumes a run that was not made here has to name: the run's own words for both are never used. */
  asks: z.object({ program: z.boolean(), destination: z.boolean() }),
});
export type RunOrigin = z.infer<typeof runOrigin>;

export const runCodeText = z.string().regex(/^[0-9a-f]{32}$/);

/** Takes over a run that was not made here, with what it asks for. */
export const confirmedRun = z.object({
  code: runCodeText,
  /** Program that trains; null: the Python of the workspace's own environment. */
  python: pathHandle.nullable().default(null),
  /** Folder to make what it makes in, and the new folder's name. */
  destination: z
    .object({ into: pathHandle, name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/) })
    .nullable()
    .default(null),
});
export type ConfirmedRun = z.infer<typeof confirmedRun>;
