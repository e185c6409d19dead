import { z } from 'zod';

/** What a line of a job's log tells of. */
export const logLineKind = z.enum(['state', 'step', 'point', 'curtailed', 'problem']);

export const logLine = z.object({ at: z.iso.datetime(), kind: logLineKind, text: z.string() });
export type LogLine = z.infer<typeof logLine>;

/** What happened to a run, and when; the oldest first. */
export const jobLog = z.object({
  run: z.string(),
  lines: z.array(logLine),
  /** Why there are no more lines, or what cannot be read of them; null: nothing is missing. */
  missing: z.string().nullable(),
});
export type JobLog = z.infer<typeof jobLog>;
