import { z } from 'zod';
import { shortName } from './bounds.ts';

/** Files of a run that are named as changed. */
export const MOST_NAMED_FILES = 1_000;

/**
 * Whether this user's engine measured a run here. Derived from the run's folder and this user's key each time it is
 * read, never stored.
 */
export const runProvenance = z.object({
  /**
   * `here`: sealed with this user's key, and unchanged since; `bundled`: a record of this package, byte for byte;
   * `unfinished`: made here, but not sealed yet; `elsewhere`: none of these.
   */
  state: z.enum(['here', 'bundled', 'unfinished', 'elsewhere']),
  /**
   * Why it is not `here`: the run has no seal; another user's or machine's key sealed it; the seal does not belong to
   * the list of files; files have changed since they were sealed; the run has not finished; it was not made here, and
   * this user confirmed and resumed it (`adoptedAt` of its manifest). Null: it is.
   */
  reason: z
    .enum(['no-seal', 'other-key', 'broken-seal', 'changed-files', 'not-finished', 'begun-elsewhere'])
    .nullable(),
  files: z.array(shortName).max(MOST_NAMED_FILES),
});
export type RunProvenance = z.infer<typeof runProvenance>;

/** A document about a run as it is answered, with the run's provenance; absent while an engine works on the run. */
export const vouchedFor = <S extends z.ZodRawShape>(document: z.ZodObject<S>) =>
  document.extend({ provenance: runProvenance.optional() });
