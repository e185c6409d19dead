import { z } from 'zod';
import { sentence, shortName } from './bounds.ts';

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
  differing: z.array(differingField),
  /** Files whose checksum changed since the run ended. */
  changed: z.array(shortName),
  /** The same in words; empty where everything is as written. */
  sentences: z.array(sentence),
});
export type RunCheck = z.infer<typeof runCheck>;
