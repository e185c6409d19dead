import { expect } from 'vitest';
import type { ChoiceItem, WrittenItem } from '../../main/contract/task.ts';
import { type ExtraStatistic, holdsExtras, type RoutingStatistics } from '../../main/profile/routing-statistics.ts';

/** Items, and the comparison of what two engines give for them. */

/** As for onnxruntime (tests/reference/checkpoints.test.ts). */
export const RELATIVE_TOLERANCE = 1e-4;

/** Difference of any two numbers, relative to the largest of the reference. */
export const expectClose = (ours: ArrayLike<number>, reference: ArrayLike<number>, what?: string): void => {
  expect(ours.length, what).toBe(reference.length);
  let [scale, difference] = [0, 0];
  for (let at = 0; at < reference.length; at += 1) {
    scale = Math.max(scale, Math.abs(reference[at] ?? NaN));
    difference = Math.max(difference, Math.abs((ours[at] ?? NaN) - (reference[at] ?? NaN)));
  }
  // Numbers that are all zero must be so in both.
  expect(scale === 0 ? difference : difference / scale, what).toBeLessThanOrEqual(RELATIVE_TOLERANCE);
};

/** Choices of one and several tokens, all but the last behind a shared prompt of more than 32 tokens. */
export const items: readonly ChoiceItem[] = Array.from({ length: 5 }, (_, index) => ({
  id: String(index),
  context: `${index < 4 ? 'the sum of two numbers is told behind the sign' : ''} ${'abcde'.slice(0, index + 1)}:`,
  choices: ['so', 'x', 'sun', 'sum'],
  answer: index % 4,
}));

/** The same as written answers whose tokens count the more, the nearer they are to the end. */
export const weightedItems: readonly WrittenItem[] = items.map(({ id, context }, index) => ({
  id,
  context,
  answers: ['sum of them'],
  until: ['.'],
  maxNewTokens: 4,
  endWeight: 1 + index,
}));

const SUMS = [
  ...(['counts', 'gateMass', 'probabilitySelected', 'probabilityMass', 'eanSum', 'reapSum', 'eanSquareSum'] as const),
  ...(['gatedMoments', 'logitSum', 'logitGram', 'probabilityGram', 'coactivation', 'peakOutputs'] as const),
  'residualSum' as const,
];

/** Compares everything that the reference holds, which are `extras` and the routing. */
export const expectSameStatistics = (
  ours: RoutingStatistics,
  reference: RoutingStatistics,
  extras: readonly ExtraStatistic[],
): void => {
  expect([holdsExtras(reference, extras), ours.items, ours.tokens]).toEqual([true, reference.items, reference.tokens]);
  expect(ours.sample?.experts).toEqual(reference.sample?.experts);
  const sumsOf = (statistics: RoutingStatistics): Readonly<Record<string, Float64Array | undefined>> => ({
    ...Object.fromEntries(SUMS.map((name) => [name, statistics[name]])),
    routedSum: statistics.outputs?.routedSum,
    sum: statistics.outputs?.everywhere?.sum,
    cosineSum: statistics.outputs?.everywhere?.cosineSum,
    kept: statistics.elimination?.kept,
    loss: statistics.elimination?.loss,
    single: statistics.elimination?.single,
  });
  const own = sumsOf(ours);
  for (const [name, sums] of Object.entries(sumsOf(reference)))
    if (sums !== undefined) expectClose(own[name] ?? [], sums, name);
};
