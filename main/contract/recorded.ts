import { z } from 'zod';
import { boundedList, boundedRecord, sentence, shortName } from './bounds.ts';
import { runDevice } from './device.ts';
import { transformersCheck } from './transformers-check.ts';

export const recordedModel = z.object({
  name: shortName,
  path: sentence,
  /** Short hash of configuration and weights; empty until the run has begun, whose first work is to hash the files. */
  fingerprint: shortName,
  /** SHA-256 over all consumed files (ModelHashes.identity); absent in runs of earlier versions. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** Commit of the repository that it was published in; absent for a model that is not of the Hub's cache. */
  commit: shortName.optional(),
  /** Whether its logits were compared with those of transformers before the run measured it; absent: not compared. */
  transformers: transformersCheck.optional(),
});
export type RecordedModel = z.infer<typeof recordedModel>;

/** The fingerprint of a model whose files were not hashed yet. */
export const UNHASHED = '';

/** Whether a recorded model has the content of another one: by the hash of all files, where both have it. */
export const isSameContent = (
  recorded: Pick<RecordedModel, 'fingerprint' | 'sha256'>,
  other: { readonly fingerprint: string | null; readonly sha256?: string | undefined },
): boolean =>
  other.fingerprint !== null &&
  recorded.fingerprint !== UNHASHED &&
  recorded.fingerprint === other.fingerprint &&
  (recorded.sha256 === undefined || other.sha256 === undefined || recorded.sha256 === other.sha256);

/** What computed a run: the engine's parts by name, and its device. */
export const runCircumstances = { versions: boundedRecord(shortName, shortName), device: runDevice };

export const runState = z.enum(['queued', 'running', 'done', 'failed', 'cancelled', 'interrupted']);
/** `interrupted`: neither finished nor being worked on (the engine was killed); it can be resumed. */
export type RunState = z.infer<typeof runState>;

/** Fields of a run's file that differ from the run's outcomes: how many, and where the first one is. */
export const differingField = z.object({
  file: shortName,
  field: shortName,
  count: z.number().int().positive(),
  where: sentence,
});
export type DifferingField = z.infer<typeof differingField>;

/**
 * Whether a run's files changed since they were written. All shown numbers are recomputed from the stored outcomes;
 * this lists where the files differ.
 */
export const runCheck = z.object({
  /** `unchecked`: some shown numbers cannot be recomputed, and the run has no checksums of its files. */
  state: z.enum(['as-written', 'unchecked', 'differs']),
  differing: boundedList(differingField),
  /** Files whose checksum changed since the run ended. */
  changed: boundedList(shortName),
  /** The same in words; empty where everything is as written. */
  sentences: boundedList(sentence),
});
export type RunCheck = z.infer<typeof runCheck>;
