import { z } from 'zod';
import { boundedText } from './bounds.ts';
import { computeSettings } from './compute.ts';
import { probeEnd, providerName } from './device.ts';
import { pathHandle } from './model.ts';

/** Settings of the engine process: its only argument, as JSON. */
export const engineProcessSettings = z.object({
  /** Null: the engine's default workspace. */
  workspace: boundedText.min(1).nullable(),
  resources: boundedText.min(1),
  commandLine: boundedText,
  memoryBudgetBytes: z.number().positive().optional(),
  threads: z.number().int().positive().optional(),
  /** The device name as typed: the engine refuses unknown ones. */
  device: boundedText.optional(),
});
export type EngineProcessSettings = z.infer<typeof engineProcessSettings>;

/** Shell to engine process. */
export const engineCommand = z.discriminatedUnion('type', [
  /** Comes with one MessagePort: the engine's end of a page's connection. */
  z.object({ type: z.literal('page') }),
  /** The user chose this path in a native dialog. */
  z.object({ type: z.literal('grant'), id: z.number().int(), path: boundedText.min(1) }),
  /** Asks where the output of this run is. */
  z.object({ type: z.literal('output'), id: z.number().int(), run: boundedText.min(1) }),
  /** Outcome of the probe that the engine requested. */
  z.object({ type: z.literal('probed'), id: z.number().int(), end: probeEnd }),
  /** Comes with one MessagePort: the channel to the compute process that the engine requested under this number. */
  z.object({ type: z.literal('computing'), id: z.number().int() }),
  /** That process ended: its exit code or signal, and the end of its output. */
  z.object({
    type: z.literal('compute-ended'),
    id: z.number().int(),
    end: z.union([z.number(), boundedText]),
    errors: boundedText,
  }),
  /** Finish the current step, then exit. */
  z.object({ type: z.literal('stop') }),
]);
export type EngineCommand = z.infer<typeof engineCommand>;

/** Engine process to shell. */
export const engineReport = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  /** The engine cannot start; the process exits next. */
  z.object({ type: z.literal('failed'), message: boundedText, remedy: boundedText }),
  /** Asks to probe a provider in a second process: this one cannot start any (Electron's fuses forbid it). */
  z.object({ type: z.literal('probe'), id: z.number().int(), provider: providerName, folder: boundedText.min(1) }),
  /** Asks for a compute process; `id` is never used twice. */
  z.object({ type: z.literal('compute'), id: z.number().int(), settings: computeSettings }),
  /** Asks to end that process at once. */
  z.object({ type: z.literal('compute-kill'), id: z.number().int() }),
  z.object({ type: z.literal('granted'), id: z.number().int(), handle: pathHandle }),
  /** Path of a run's output; null where it has none, or it no longer exists. */
  z.object({ type: z.literal('output'), id: z.number().int(), path: boundedText.nullable() }),
]);
export type EngineReport = z.infer<typeof engineReport>;
