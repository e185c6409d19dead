import { WorkbenchError, refuse } from '../contract/errors.ts';
import type { SweepSettings } from '../contract/sweep.ts';
import { keepFromFactor } from '../pruning/keep-from-factor.ts';

/** What of a model decides which factors it can reach. */
export interface SweepTarget {
  readonly name: string;
  /** E and K. */
  readonly experts: number;
  readonly topK: number;
}

export interface SweepCounts {
  /** Per model, numbers of kept experts to measure, falling; without E itself, which is the unpruned model. */
  readonly kept: ReadonlyMap<string, readonly number[]>;
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

const largestFactor = ({ experts, topK }: SweepTarget): number => experts / Math.max(1, topK);

const keepOrNull = ({ experts, topK }: SweepTarget, factor: number): number | null => {
  try {
    return keepFromFactor(experts, topK, factor);
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === 'factor-too-large') return null;
    throw error;
  }
};

const printed = (factor: number): string => String(Number(factor.toFixed(2)));

/**
 * Kept experts for every model and factor. A factor that leaves fewer than top-k experts in every model is refused; one
 * that only some models can reach is left out for the others, and the notes say so.
 */
export const sweepCounts = (models: readonly SweepTarget[], { factors }: Pick<SweepSettings, 'factors'>): SweepCounts => {
  const notes: string[] = [];
  for (const factor of factors) {
    const tooSmall = models.filter((model) => keepOrNull(model, factor) === null);
    if (tooSmall.length === 0) continue;
    const limits = tooSmall.map((model) => `${model.name} (top-${String(model.topK)} of ${String(model.experts)} experts): at most ${printed(largestFactor(model))}`);
    if (tooSmall.length === models.length) {
      throw refuse(
        'factor-too-large',
        `The pruning factor ${printed(factor)} leaves fewer experts than each token uses.`,
        `Largest possible factor: ${limits.join('; ')}.`,
      );
    }
    notes.push(`Factor ${printed(factor)} was left out where it would leave fewer than top-k experts: ${limits.join('; ')}.`);
  }
  const kept = new Map(
    models.map((model) => {
      const counts = factors.flatMap((factor) => keepOrNull(model, factor) ?? []).filter((keep) => keep < model.experts);
      return [model.name, [...new Set(counts)].sort((a, b) => b - a)] as const;
    }),
  );
  return { kept, notes };
};
