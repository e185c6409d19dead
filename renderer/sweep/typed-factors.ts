import type { ModelEntry } from '../../main/contract/model.ts';
import { formatFactor, formatFixed } from '../../main/words/numbers.ts';
import { type ExpertCounts, fewestKept, isTooLarge, keptAtFactor } from '../../main/contract/keep-from-factor.ts';

/** Factors typed for a sweep, with the experts that each leaves, or why they cannot be used. */
export interface TypedFactors {
  readonly factors: readonly number[];
  /** "×1.33: 12 of 16 experts kept", in the order of the text. */
  readonly leaves: readonly string[];
  readonly problem: string | null;
}

const NONE: TypedFactors = { factors: [], leaves: [], problem: null };

const readEntry = (entry: string, sizes: readonly ExpertCounts[]): number | string => {
  const [, kept, factor] = /^(?:keep\s*(\d+)|[×x]?\s*(\d+(?:\.\d+)?))$/iu.exec(entry) ?? [];
  if (kept === undefined && factor === undefined) return `“${entry}” is neither a factor (1.33) nor “keep 12”.`;
  const [first] = sizes;
  if (kept !== undefined && sizes.some(({ experts }) => experts !== first?.experts))
    return `“${entry}”: the models have different numbers of experts. Type a factor.`;
  const value = kept === undefined ? Number(factor) : (first?.experts ?? 0) / Number(kept);
  if (!Number.isFinite(value) || value < 1)
    return kept === undefined ? `“${entry}” is below 1, the unpruned model.` : `“${entry}”: there are not so many.`;
  const small = sizes.find((counts) => isTooLarge(counts, value));
  return small === undefined
    ? value
    : `“${entry}” leaves fewer than the ${fewestKept(small)} experts that a token uses; at most ` +
        `${formatFactor(small.experts / fewestKept(small))}.`;
};

/**
 * Reads factors ("1.33, 3") and numbers of kept experts ("keep 12"), separated by commas, for all models of a sweep.
 */
export const typedFactors = (text: string, models: readonly ModelEntry[]): TypedFactors => {
  const sizes = models.flatMap(({ info }) => (info === null ? [] : [info]));
  const entries = text
    .split(/[,;]/u)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (sizes.length === 0 || entries.length === 0) return NONE;
  const read = entries.map((entry) => readEntry(entry, sizes));
  const problem = read.find((entry) => typeof entry === 'string');
  if (problem !== undefined) return { ...NONE, problem };
  const factors = read.filter((entry) => typeof entry === 'number');
  const different = [...new Map(sizes.map((counts) => [counts.experts, counts])).values()];
  const leaves = factors.map((factor) => {
    const kept = different.map((counts) => `${keptAtFactor(counts, factor)} of ${counts.experts}`).join(', ');
    return `×${formatFixed(factor, Number.isInteger(factor) ? 0 : 2)}: ${kept} experts kept`;
  });
  return { factors, leaves, problem: null };
};
