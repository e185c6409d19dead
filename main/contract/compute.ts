import { z } from 'zod';
import { boundedText } from './bounds.ts';
import { probeEnd, providerName } from './device.ts';
import { engineEvent } from './events.ts';
import { jobProgress } from './run.ts';
import { runCodeText } from './run-origin.ts';
import { serialisedError } from './rpc.ts';

/** Settings of the compute process: its only argument, as JSON. */
export const computeSettings = z.object({
  workspace: boundedText.min(1),
  resources: boundedText.min(1),
  settingsFile: boundedText.min(1),
  threads: z.number().int().positive(),
  memoryBudgetBytes: z.number().positive(),
});
export type ComputeSettings = z.infer<typeof computeSettings>;

/** Progress of a job, wherever it runs. */
export const meterReading = jobProgress.pick({
  description: true,
  done: true,
  total: true,
  reused: true,
  leftMs: true,
});
export type MeterReading = z.infer<typeof meterReading>;

/** Engine to compute process. */
export const computeOrder = z.discriminatedUnion('type', [
  /**
   * Do the work of a run as its manifest says; one at a time. `lock`: the engine's generation of the run's lock;
   * `code`: the part of the manifest that the engine approved.
   */
  z.object({ type: z.literal('carry-out'), run: boundedText, lock: z.number().int().nullable(), code: runCodeText }),
  z.object({ type: z.literal('cancel'), run: boundedText }),
  /** End early and keep the text so far (jobs that write texts). */
  z.object({ type: z.literal('finish'), run: boundedText }),
  /** Outcome of the requested probe. */
  z.object({ type: z.literal('probed'), id: z.number().int(), end: probeEnd }),
]);
export type ComputeOrder = z.infer<typeof computeOrder>;

/** Compute process to engine. */
export const computeReport = z.discriminatedUnion('type', [
  /** Its own process id (a host in between may see another), and its signature on temporary files. */
  z.object({ type: z.literal('ready'), pid: z.number().int().positive(), writer: boundedText }),
  z.object({ type: z.literal('progress'), run: boundedText, reading: meterReading }),
  z.object({ type: z.literal('event'), run: boundedText, event: engineEvent }),
  z.object({ type: z.literal('done'), run: boundedText, output: boundedText.nullable(), summary: boundedText }),
  z.object({ type: z.literal('failed'), run: boundedText, error: serialisedError }),
  /** Asks to probe a provider: the engine has the result already, or can start a probe. */
  z.object({ type: z.literal('probe'), id: z.number().int(), provider: providerName, folder: boundedText.min(1) }),
]);
export type ComputeReport = z.infer<typeof computeReport>;
