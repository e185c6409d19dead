import { z } from 'zod';
import { sentence, shortName } from './bounds.ts';

/** Fields of a run's file that do not hold what the run's outcomes give: how many, and where the first one stands. */
export const differingField = z.object({
  file: shortName,
  field: shortName,
  count: z.number().int().positive(),
  where: sentence,
});
export type DifferingField = z.infer<typeof differingField>;

/**
 * What became of a run's files since they were written. Whatever is shown is computed anew from the stored outcomes; this
 * says where the files say something else.
 */
export const runCheck = z.object({
  /** `unchecked`: some of what is shown cannot be computed anew, and the run holds no checksums of its files. */
  state: z.enum(['as-written', 'unchecked', 'differs']),
  differing: z.array(differingField),
  /** Files whose checksum is another than when the run ended. */
  changed: z.array(shortName),
  /** The same in words; empty where everything is as it was written. */
  sentences: z.array(sentence),
});
export type RunCheck = z.infer<typeof runCheck>;
