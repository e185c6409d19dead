import { expect, test } from 'vitest';
import { itemsForVerdict, itemsForVerdictText, wideningBySplit } from '../../../main/evaluation/items-for-verdict.ts';
import { itemsNeeded } from '../../../main/evaluation/verdicts.ts';
import { WANTED_CHANCE } from '../../../main/contract/sweep.ts';
import { criticalScore } from '../../../main/statistics/exact-paired-test.ts';
import { chanceForUnharmed } from '../../../main/statistics/paired-power.ts';

/** Beyond these the number is that of the normal approximation. */
const EXACT_UP_TO = 2_000;

test('the items that it names do give an unharmed plan the wanted chance, and a tenth fewer do not', () => {
  for (const delta of [0.01, 0.02, 0.05]) {
    const { fewest, byDiscordance } = itemsForVerdict(delta);
    expect(fewest).toBe(itemsNeeded(delta));
    for (const { discordance, items } of byDiscordance) {
      const chance = (n: number): number =>
        chanceForUnharmed({ n, delta, z: criticalScore(n, -delta, 0.05) }, discordance);
      if (items > EXACT_UP_TO) {
        expect(Math.abs(chance(items) - WANTED_CHANCE)).toBeLessThan(0.01);
        continue;
      }
      expect(chance(items)).toBeGreaterThanOrEqual(WANTED_CHANCE);
      if (items > fewest) expect(chance(Math.max(fewest - 1, Math.floor(0.9 * items)))).toBeLessThan(WANTED_CHANCE);
    }
  }
});

test('says in words whether the items suffice', () => {
  expect(itemsForVerdictText(1, 0.02)).toMatch(/^1 test item is too few/);
  expect(itemsForVerdictText(148, 0.02)).toBe(
    '148 test items are too few: at a margin of 2 points nothing can be called safe with fewer than 149.',
  );
  expect(itemsForVerdictText(149, 0.02)).toMatch(
    /^149 test items; at a margin of 2 points 149 are the fewest\. For an unharmed plan .* about 257 if 1\s% of the/u,
  );
});

test('of texts, a fixed number is the fewest', () => {
  expect(itemsForVerdictText(19, 0.02, 'perplexity')).toContain('19 test texts are too few');
  expect(itemsForVerdictText(20, 0.02, 'perplexity')).toBe('20 test texts; 20 are the fewest for a threshold.');
});

test('a fifth less widens an interval by an eighth', () => {
  expect(wideningBySplit(0.2)).toBeCloseTo(1.118, 3);
});
