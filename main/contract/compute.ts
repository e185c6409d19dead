import { z } from 'zod';
import { probeEnd, providerName } from './device.ts';
import { engineEvent } from './events.ts';
import { jobProgress } from './run.ts';
import { runCodeText } from './run-origin.ts';
import { serialisedError } from './rpc.ts';
import { calibrationDraw, elsewherePoint, sweepDocument, sweepResult } from './sweep.ts';
import { candidatePoint, curtailedPoint } from './curtailed-point.ts';

/** Settings of the compute process: its only argument, as JSON. */
export const computeSettings = z.object({
  workspace: z.string().min(1),
  resources: z.string().min(1),
  settingsFile: z.string().min(1),
  threads: z.number().int().positive(),
  memoryBudgetBytes: z.number().positive(),
});
export type ComputeSettings = z.infer<typeof computeSettings>;

/** Validates a value and passes it on with its own order of keys, so that files written from it stay the same. */
const asItCame = <T extends z.ZodType>(schema: T): z.ZodType<z.output<T>> =>
  z.custom<z.output<T>>((value) => schema.safeParse(value).success);

/** A change to the record of a running sweep: whoever applies every change has the same record. */
export const recordChange = z.discriminatedUnion('what', [
  z.object({
    what: z.literal('begun'),
    /** As in the document. */
    level: sweepDocument.shape.level,
    order: z.object({ models: z.array(z.string()), tasks: z.array(z.string()), methods: z.array(z.string()) }),
    delta: z.number(),
    notes: z.array(z.string()),
  }),
  /** A measured point, with its step already on disk. */
  z.object({ what: z.literal('point'), result: asItCame(sweepResult), step: z.string() }),
  z.object({ what: z.literal('curtailed'), point: asItCame(curtailedPoint) }),
  z.object({ what: z.literal('elsewhere'), point: asItCame(elsewherePoint) }),
  z.object({ what: z.literal('calibration-draw'), point: asItCame(calibrationDraw) }),
  z.object({ what: z.literal('unneeded'), points: z.array(asItCame(candidatePoint)) }),
  z.object({ what: z.literal('note'), text: z.string() }),
]);
export type RecordChange = z.infer<typeof recordChange>;

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
  z.object({ type: z.literal('carry-out'), run: z.string(), lock: z.number().int().nullable(), code: runCodeText }),
  z.object({ type: z.literal('cancel'), run: z.string() }),
  /** End early and keep the text so far (jobs that write texts). */
  z.object({ type: z.literal('finish'), run: z.string() }),
  /** Outcome of the requested probe. */
  z.object({ type: z.literal('probed'), id: z.number().int(), end: probeEnd }),
]);
export type ComputeOrder = z.infer<typeof computeOrder>;

/** Compute process to engine. */
export const computeReport = z.discriminatedUnion('type', [
  /** Its own process id (a host in between may see another), and its signature on temporary files. */
  z.object({ type: z.literal('ready'), pid: z.number().int().positive(), writer: z.string() }),
  z.object({ type: z.literal('progress'), run: z.string(), reading: meterReading }),
  z.object({ type: z.literal('event'), run: z.string(), event: engineEvent }),
  z.object({ type: z.literal('record'), run: z.string(), change: recordChange }),
  z.object({ type: z.literal('done'), run: z.string(), output: z.string().nullable(), summary: z.string() }),
  z.object({ type: z.literal('failed'), run: z.string(), error: serialisedError }),
  /** Asks to probe a provider: the engine has the result already, or can start a probe. */
  z.object({ type: z.literal('probe'), id: z.number().int(), provider: providerName, folder: z.string().min(1) }),
]);
export type ComputeReport = z.infer<typeof computeReport>;
