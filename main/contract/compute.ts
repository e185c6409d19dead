import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { sweepFact } from './sweep-fact.ts';
import { probeEnd, providerName } from './device.ts';
import { engineEvent } from './events.ts';
import { jobProgress } from './run.ts';
import { runCodeText } from './run-origin.ts';
import { serialisedError } from './rpc.ts';
import { calibrationDraw, elsewherePoint, sweepDocument, sweepResult } from './sweep.ts';
import { candidatePoint, curtailedPoint } from './curtailed-point.ts';

/** Settings of the compute process: its only argument, as JSON. */
export const computeSettings = z.object({
  workspace: boundedText.min(1),
  resources: boundedText.min(1),
  settingsFile: boundedText.min(1),
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
    order: z.object({
      models: boundedList(boundedText),
      tasks: boundedList(boundedText),
      methods: boundedList(boundedText),
    }),
    delta: z.number(),
    facts: boundedList(sweepFact),
  }),
  /** A measured point, with its step already on disk. */
  z.object({ what: z.literal('point'), result: asItCame(sweepResult), step: boundedText }),
  z.object({ what: z.literal('curtailed'), point: asItCame(curtailedPoint) }),
  z.object({ what: z.literal('elsewhere'), point: asItCame(elsewherePoint) }),
  z.object({ what: z.literal('calibration-draw'), point: asItCame(calibrationDraw) }),
  z.object({ what: z.literal('unneeded'), points: boundedList(asItCame(candidatePoint)) }),
  z.object({ what: z.literal('fact'), fact: asItCame(sweepFact) }),
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
  z.object({ type: z.literal('record'), run: boundedText, change: recordChange }),
  z.object({ type: z.literal('done'), run: boundedText, output: boundedText.nullable(), summary: boundedText }),
  z.object({ type: z.literal('failed'), run: boundedText, error: serialisedError }),
  /** Asks to probe a provider: the engine has the result already, or can start a probe. */
  z.object({ type: z.literal('probe'), id: z.number().int(), provider: providerName, folder: boundedText.min(1) }),
]);
export type ComputeReport = z.infer<typeof computeReport>;
