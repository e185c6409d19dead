/**
 * Groups per layer by M-SMoE's global rule as published: each layer's usage is divided by its sum and its most used
 * expert counts as 1; all values sorted by falling size, the one at place keep * L (counted from 0; one less when all
 * are kept) is the threshold; a layer has as many groups as values above it. Values equal to the threshold lose, so
 * that fewer than keep * L groups may come out.
 * Source: Li et al. 2024, arXiv 2310.01334; UNITES-Lab/MC-SMoE.
 */
export const usageThresholdCounts = (usage: readonly Float64Array[], keep: number): number[] => {
  const raised = usage.map((layer) => {
    const total = layer.reduce((sum, value) => sum + value, 0);
    const shares = layer.map((value) => (total > 0 ? value / total : 0));
    shares[shares.indexOf(Math.max(...shares))] = 1;
    return shares;
  });
  const experts = usage[0]?.length ?? 0;
  const place = keep * usage.length - (keep === experts ? 1 : 0);
  const sorted = raised.flatMap((layer) => [...layer]).sort((a, b) => b - a);
  const threshold = sorted[place] ?? 0;
  return raised.map((layer) => layer.filter((value) => value > threshold).length);
};
