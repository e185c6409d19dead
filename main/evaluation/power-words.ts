import type { Threshold } from '../contract/sweep.ts';
import { formatRoughPercent } from '../figures/numbers.ts';
import { WANTED_CHANCE } from './verdicts.ts';

/**
 * Power of the test behind a threshold: "an unharmed candidate would be called safe with a chance of 57 % (n = 300, 3 %
 * of items discordant); 80 % takes about 530 items". Empty where nothing is undecided.
 */
export const powerText = ({ power, n }: Pick<Threshold, 'power' | 'n'>): string => {
  if (power === null) return '';
  const { discordance, chance, itemsForWanted } = power;
  return (
    `an unharmed candidate would be called safe with a chance of ${formatRoughPercent(chance)} (n = ${String(n)}, ` +
    `${formatRoughPercent(discordance)} of items discordant); ${formatRoughPercent(WANTED_CHANCE)} takes ` +
    `about ${String(itemsForWanted)} items`
  );
};
