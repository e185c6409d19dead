import type { Engine } from '../engine/engine.ts';
import { experimentReproductionText } from '../reproduction/experiment-differences.ts';
import { experimentText } from './experiment-text.ts';
import type { VerbResult } from './verb.ts';

/** What a finished experiment says; of one that repeats another: what differs, and whether anything does. */
export const experimentResult = async (engine: Engine, run: string): Promise<VerbResult> => {
  const document = await engine.call('experiment.read', { run });
  const { reproduction } = document;
  if (reproduction === null) return { document, text: experimentText(document) };
  // Arms that cannot be made here are said, and are no difference.
  const failed = reproduction.changed.length > 0 || reproduction.signs.length > 0 || reproduction.arms === 0;
  return { document: reproduction, text: experimentReproductionText(reproduction), failed };
};
