import type { Finding, SafeCount } from '../contract/family.ts';
import { listed, printedFactor } from './finding-text.ts';

/** Factors that a sentence names: the smallest, which matter first. */
const NAMED_FACTORS = 2;

const factorText = ({ factor, shares }: SafeCount, cases: string, isFirst: boolean): string => {
  const told = shares.filter(({ of }) => of > 0);
  const sameOf = told.every(({ of }) => of === told[0]?.of);
  const counts = told.map(({ experts, safe, of }, index) => {
    const total = index === 0 || !sameOf ? ` of ${of}` : '';
    const unit = isFirst && index === 0 ? ` ${cases}` : '';
    return `${safe}${total}${unit} at ${isFirst && index === 0 ? 'E = ' : ''}${experts}`;
  });
  return `a factor of ${printedFactor(factor)} is safe in ${listed(counts)}`;
};

/**
 * Counts of safe tasks per factor and E in words, one sentence per method; where sizes were trained more than once, of
 * cases: a model and a task.
 */
export const safeTaskFindings = (safeCounts: readonly SafeCount[], isTrainedOnce: boolean): Finding[] =>
  [...new Set(safeCounts.map(({ method }) => method))].flatMap((method): Finding[] => {
    const factors = safeCounts.filter((one) => one.method === method && one.shares.some(({ of }) => of > 0)).slice(0, NAMED_FACTORS);
    if (factors.length === 0) return [];
    const sentence = `By ${method}, ${factors.map((one, index) => factorText(one, isTrainedOnce ? 'tasks' : 'cases', index === 0)).join('; ')}.`;
    return [{ chart: 'safe-tasks', method, verdict: 'counted', sentence, p: null }];
  });
