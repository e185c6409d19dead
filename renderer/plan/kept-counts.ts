import { type ExpertCounts, fewestKept } from '../../main/contract/keep-from-factor.ts';
import { maxOf, minOf } from '../../main/statistics/extremes.ts';

/** All possible numbers of kept experts, from E down to max(1, K). */
export const possibleKept = (counts: ExpertCounts): readonly number[] => {
  const kept: number[] = [];
  for (let count = counts.experts; count >= fewestKept(counts); count -= 1) kept.push(count);
  return kept;
};

/** Powers of two from 1 to E / max(1, K) for which E / factor is a whole number of experts. */
export const standardFactors = (counts: ExpertCounts): readonly number[] => {
  const factors: number[] = [];
  for (let factor = 1; counts.experts / factor >= fewestKept(counts); factor *= 2) {
    if (counts.experts % factor === 0) factors.push(factor);
  }
  return factors;
};

/** The standard factors next to a factor: those that its keys choose. */
export const nextFactors = (
  counts: ExpertCounts,
  factor: number,
): { readonly smaller: number | undefined; readonly larger: number | undefined } => {
  const factors = standardFactors(counts);
  return { smaller: factors.findLast((known) => known < factor), larger: factors.find((known) => known > factor) };
};

/** Kept experts per layer: one number, or a range if layers differ. */
export const keptRange = (keptPerLayer: readonly number[]): string => {
  const [low, high] = [minOf(keptPerLayer), maxOf(keptPerLayer)];
  return low === high ? String(low) : `${low}–${high}`;
};

/** "0–3, 7, 9–10": an ascending list as ranges. */
export const numberRanges = (numbers: readonly number[]): string => {
  const parts: string[] = [];
  let start = 0;
  for (let index = 0; index < numbers.length; index += 1) {
    const current = numbers[index] ?? 0;
    if (numbers[index + 1] === current + 1) continue;
    const first = numbers[start] ?? 0;
    parts.push(
      first === current ? `${current}` : current === first + 1 ? `${first}, ${current}` : `${first}–${current}`,
    );
    start = index + 1;
  }
  return parts.join(', ');
};
