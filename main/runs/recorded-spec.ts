import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { sweepSettings } from '../contract/sweep.ts';

/**
 * The settings of a run in its manifest, or a part of them.
 *
 * @throws WorkbenchError `bad-spec` where they are missing or invalid: a manifest may come from a stranger.
 */
export const recordedSpec = <T extends z.ZodType>(
  { id, spec }: Pick<RunManifest, 'id' | 'spec'>,
  schema: T,
): z.output<T> => {
  const parsed = schema.safeParse(spec);
  if (parsed.success) return parsed.data;
  throw refuse(
    'bad-spec',
    `The manifest of ${id} does not say what to run: ${z.prettifyError(parsed.error)}`,
    'Start a new run.',
  );
};

const madeAt = sweepSettings.pick({ delta: true });

/** The margin that a sweep was made with. */
export const sweepDelta = (manifest: RunManifest): number => recordedSpec(manifest, madeAt).delta;
