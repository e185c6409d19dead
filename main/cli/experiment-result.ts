import type { Engine } from '../engine/engine.ts';
import { experimentReproductionText } from '../reproduction/experiment-differences.ts';
import { experimentText } from './experiment-text.ts';
import type { VerbResult } from './verb.ts';

/** The result of a finished experiment. For a reproduction: the differences, and a failure if there are any. */
export const experimentResult = async (engine: Engine, run: string): Promise<VerbResult> => {
  const document = await engine.call('experiment.read', { run });
  const { reproduction } = document;
  if (reproduction === null) return { document, text: experimentText(document) };
  // Arms that cannot be computed on this machine are listed, but are no difference.
  const failed = reproduction.changed.length > 0 || reproduction.signs.length > 0 || reproduction.arms === 0;
  return { document: reproduction, text: experimentReproductionText(reproduction), failed };
};
