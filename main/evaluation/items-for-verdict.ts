import type { MetricName } from '../contract/task.ts';
import { counted, formatRoughPercent } from '../words/numbers.ts';
import { itemsForChance } from '../statistics/paired-power.ts';
import { itemsNeeded, ONE_SIDED_ALPHA, TEXTS_NEEDED } from './verdicts.ts';
import { WANTED_CHANCE } from '../contract/sweep.ts';

/**
 * Shares of items whose answer a pruned model may change, assumed before anything is measured: of the points of the
 * sample that are safe at 2 points, half change none and none changes more than 2 %.
 */
const SUPPOSED_DISCORDANCES = [0.01, 0.02, 0.05] as const;

/** Number of items that a verdict needs, depending on how many answers change. */
export interface ItemsForVerdict {
  /** The minimum for calling anything safe. */
  readonly fewest: number;
  /** Items at which an unharmed candidate is called safe with probability WANTED_CHANCE, by the share that changes. */
  readonly byDiscordance: readonly { readonly discordance: number; readonly items: number }[];
}

/** Items needed for a verdict of accuracy at the margin `delta`, before anything is measured. */
export const itemsForVerdict = (delta: number): ItemsForVerdict => {
  const fewest = itemsNeeded(delta);
  return {
    fewest,
    byDiscordance: SUPPOSED_DISCORDANCES.map((discordance) => ({
      discordance,
      items: itemsForChance({ delta, alpha: ONE_SIDED_ALPHA }, discordance, WANTED_CHANCE, fewest),
    })),
  };
};

const points = (delta: number): string => `${String(Number((delta * 100).toFixed(2)))} points`;

/**
 * Whether `n` test items suffice: "120 test items are too few: at a margin of 2 points nothing can be called safe with
 * fewer than 149", or the number needed to call an unharmed plan safe, by how many answers change.
 */
export const itemsForVerdictText = (n: number, delta: number, metric: MetricName = 'acc'): string => {
  if (metric === 'perplexity') {
    const texts = `${String(n)} test texts`;
    return n < TEXTS_NEEDED
      ? `${texts} are too few: no threshold can be determined with fewer than ${String(TEXTS_NEEDED)}.`
      : `${texts}; ${String(TEXTS_NEEDED)} are the fewest for a threshold.`;
  }
  const { fewest, byDiscordance } = itemsForVerdict(delta);
  const margin = `at a margin of ${points(delta)}`;
  const [have, are] = [counted(n, 'test item'), n === 1 ? 'is' : 'are'];
  if (n < fewest)
    return `${have} ${are} too few: ${margin} nothing can be called safe with fewer than ${String(fewest)}.`;
  const [first, ...others] = byDiscordance.map(
    ({ discordance, items }) => `${String(items)} if ${formatRoughPercent(discordance)}`,
  );
  return (
    `${have}; ${margin} ${String(fewest)} are the fewest. For an unharmed plan to be called safe with a chance of ` +
    `${formatRoughPercent(WANTED_CHANCE)} it takes about ${first ?? ''} of the answers change, ${others.join(', ')}.`
  );
};

/** Ratio of the tested share's interval width to that of all items: 1 / sqrt(1 - share). */
export const wideningBySplit = (share: number): number => 1 / Math.sqrt(1 - share);
