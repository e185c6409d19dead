import { refuse } from '../contract/errors.ts';

/** Factors are shown with two decimals: a factor read off the screen must be accepted. */
const PRINTED_FACTOR_ERROR = 0.005;

/**
 * Kept experts per MoE layer for a pruning factor E / kept: the whole number nearest to E / factor, the larger one on a
 * tie, so that the reached factor is as near the requested one as possible, and a factor printed with two decimals
 * gives the same count (for up to 100 experts). The factor to report is always E / kept.
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
  const least = Math.max(1, topK);
  const largest = experts / least;
  if (factor > largest + PRINTED_FACTOR_ERROR) {
    const left = Number((experts / factor).toPrecision(3));
    throw refuse(
      'factor-too-large',
      `The pruning factor ${factor} leaves ${left} of ${experts} experts, fewer than the top-${topK} that ` +
        `each token uses.`,
      `Use a factor of at most ${Number(largest.toFixed(2))} (${least} experts kept).`,
    );
  }
  return Math.max(least, Math.min(experts, Math.floor(experts / factor + 0.5)));
};
