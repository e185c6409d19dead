import { z } from 'zod';
import { withPresentLineKind } from './earlier-names.ts';

/** Kind of a line in a job's log. */
export const logLineKind = z.enum(['state', 'step', 'point', 'curtailed', 'problem']);

export const logLine = z.object({
  at: z.iso.datetime(),
  kind: z.preprocess(withPresentLineKind, logLineKind),
  text: z.string(),
});
export type LogLine = z.infer<typeof logLine>;

/** Log of a run, oldest line first. */
export const jobLog = z.object({
  run: z.string(),
  lines: z.array(logLine),
  /** Why lines are missing or unreadable; null: the log is complete. */
  missing: z.string().nullable(),
});
export type JobLog = z.infer<typeof jobLog>;
