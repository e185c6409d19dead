import { fail } from '../contract/errors.ts';
import { changedSources } from './model-sources.ts';
import type { Checkpoint } from './open-checkpoint.ts';

/**
 * Refuses results from files that changed meanwhile, which may be a mixture of two models. `made`: what was done with
 * the model; `left`: what becomes of the result, as a sentence.
 *
 * @throws WorkbenchError `model-changed` if its files are no longer those that were opened.
 */
export const requireSameSources = async (
  { name, folder, sources }: Pick<Checkpoint, 'name' | 'folder' | 'sources'>,
  { made, left, remedy }: { readonly made: string; readonly left: string; readonly remedy: string },
): Promise<void> => {
  const changes = await changedSources(folder, sources);
  if (changes.length === 0) return;
  throw fail(
    'model-changed',
    `${name} changed while it was ${made}: ${changes.join('; ')} (in ${folder}). ${left}`,
    remedy,
  );
};
