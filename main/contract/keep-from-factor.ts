import { refuse } from './errors.ts';

/** Experts per layer (E) and experts chosen per token (K) of the unpruned model. */
export interface ExpertCounts {
  readonly experts: number;
  readonly topK: number;
}

/** Fewest experts to keep: max(1, K). */
export const fewestKept = ({ topK }: ExpertCounts): number => Math.max(1, topK);

/** Factors are shown with two decimals: a factor read off the screen must be accepted. */
const PRINTED_FACTOR_ERROR = 0.005;

/** Whether a factor leaves fewer experts than each token uses. */
export const isTooLarge = (counts: ExpertCounts, factor: number): boolean =>
  factor > counts.experts / fewestKept(counts) + PRINTED_FACTOR_ERROR;

/**
 * The possible number of kept experts per MoE layer nearest to E / factor, the larger one on a tie, so that the reached
 * factor is as near the requested one as possible, and a factor printed with two decimals gives the same count (for up
 * to 100 experts). The factor to report is always E / kept.
 */
export const keptAtFactor = (counts: ExpertCounts, factor: number): number =>
  Math.min(counts.experts, Math.max(fewestKept(counts), Math.round(counts.experts / factor)));

/**
 * `keptAtFactor` of a factor that is possible.
 *
 * @throws WorkbenchError `factor-invalid`, or `factor-too-large` where fewer than max(1, top-k) experts would stay.
 */
export const keepFromFactor = (experts: number, topK: number, factor: number): number => {
  if (!Number.isFinite(factor) || factor < 1) {
    throw refuse(
      'factor-invalid',
      `The pruning factor ${factor} is not a number of at least 1.`,
      'Give experts before / experts after: 1 keeps all experts, 2 keeps half of them.',
    );
  }
  if (isTooLarge({ experts, topK }, factor)) {
    const least = fewestKept({ experts, topK });
    const left = Number((experts / factor).toPrecision(3));
    throw refuse(
      'factor-too-large',
      `The pruning factor ${factor} leaves ${left} of ${experts} experts, fewer than the top-${topK} that ` +
        `each token uses.`,
      `Use a factor of at most ${Number((experts / least).toFixed(2))} (${least} experts kept).`,
    );
  }
  return keptAtFactor({ experts, topK }, factor);
};
