import { BEST_REFERENCE } from '../../../main/contract/compare.ts';
import { isSameFactor, type SweepResult, UNPRUNED } from '../../../main/contract/sweep.ts';

interface Wanted {
  readonly model: string | null;
  readonly factor: number | null;
  readonly reference: string;
}

export interface ComparisonChoice {
  readonly model?: string;
  readonly factor?: number;
  readonly reference?: string;
}

/**
 * What to ask the engine for: of what the controls hold, as much as this sweep has (they outlive the sweep and the model
 * that they were set for). Null where nothing is measured above factor 1.
 */
export const comparisonChoice = (
  results: readonly SweepResult[],
  { model, factor, reference }: Wanted,
): ComparisonChoice | null => {
  const pruned = results.filter((result) => result.factor > 1);
  const [first] = pruned;
  if (first === undefined) return null;
  const shown = pruned.some((result) => result.model === model) && model !== null ? model : first.model;
  const own = pruned.filter((result) => result.model === shown);
  const isMeasured = factor !== null && own.some((result) => isSameFactor(result.factor, factor));
  const isKnown = [BEST_REFERENCE, UNPRUNED].includes(reference) || own.some(({ method }) => method === reference);
  return { model: shown, ...(isMeasured ? { factor } : {}), ...(isKnown ? { reference } : {}) };
};
