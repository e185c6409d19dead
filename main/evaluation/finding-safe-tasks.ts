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

/** The smallest factor over all methods: "A factor of 2 is safe in 2, 5 and 9 of 9 tasks at E = 8, 16 and 32 by reap". */
const overallFinding = (safeCounts: readonly SafeCount[], cases: string): Finding[] => {
  const methods = [...new Set(safeCounts.map(({ method }) => method))];
  const smallest = Math.min(...safeCounts.map(({ factor }) => factor));
  const rows = methods.flatMap((method) => {
    const row = safeCounts.find((one) => one.method === method && one.factor === smallest);
    return row === undefined ? [] : [{ ...row, shares: row.shares.filter(({ of }) => of > 0) }];
  });
  const told = rows.filter(({ shares }) => shares.length > 1);
  if (told.length === 0) return [];
  const parts = told.map(({ method, shares }, index) => {
    const totals = [...new Set(shares.map(({ of }) => of))];
    const counts = shares.map(({ safe, of }) => (totals.length > 1 ? `${safe} of ${of}` : String(safe)));
    const total = totals.length > 1 ? '' : ` of ${totals[0] ?? 0}`;
    const sizes = index === 0 ? ` ${cases} at E = ${listed(shares.map(({ experts }) => String(experts)))}` : '';
    return `in ${listed(counts)}${total}${sizes} by ${method}`;
  });
  const sentence = `A factor of ${printedFactor(smallest)} is safe ${parts.join(', ')}.`;
  return [{ chart: 'safe-tasks', method: null, verdict: 'counted', sentence, p: null }];
};

/**
 * Counts of safe tasks per factor and E in words, one sentence over all methods (where there are
 * several sizes) and one per method; where sizes were trained more than once, of
 * cases: a model and a task.
 */
export const safeTaskFindings = (safeCounts: readonly SafeCount[], isTrainedOnce: boolean): Finding[] => {
  const cases = isTrainedOnce ? 'tasks' : 'cases';
  const methods = [...new Set(safeCounts.map(({ method }) => method))];
  const findings = methods.flatMap((method): Finding[] => {
    const factors = safeCounts.filter((one) => one.method === method && one.shares.some(({ of }) => of > 0)).slice(0, NAMED_FACTORS);
    if (factors.length === 0) return [];
    const sentence = `By ${method}, ${factors.map((one, index) => factorText(one, cases, index === 0)).join('; ')}.`;
    return [{ chart: 'safe-tasks', method, verdict: 'counted', sentence, p: null }];
  });
  return [...overallFinding(safeCounts, cases), ...findings];
};
