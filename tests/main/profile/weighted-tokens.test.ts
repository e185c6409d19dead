import { expect, test } from 'vitest';
import { atOnce } from '../arithmetic/at-once.ts';
import type { WrittenItem } from '../../../main/contract/task.ts';
import { endWeights } from '../../../main/inference/token-tree.ts';
import { profiledOn } from '../../../main/jobs/profile-job.ts';
import { accumulateOutputs, accumulateResidual } from '../../../main/profile/accumulate-outputs.ts';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import {
  emptyStatistics,
  extraStatistics,
  holdsExtras,
  type RoutingStatistics,
} from '../../../main/profile/routing-statistics.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { scoringFixture } from '../checkpoint/checkpoint-files.ts';
import { openRunner, uncancelled } from '../inference/open-runner.ts';
import { randomTaps, reorderTokens } from '../pruning/random-taps.ts';

const arraysOf = ({ outputs, ...plain }: RoutingStatistics): Readonly<Record<string, Float64Array>> => ({
  ...Object.fromEntries(
    Object.entries(plain).filter((entry): entry is [string, Float64Array] => entry[1] instanceof Float64Array),
  ),
  routedSum: outputs!.routedSum,
  everywhereSum: outputs!.everywhere!.sum,
  cosineSum: outputs!.everywhere!.cosineSum,
});

test('a token that counts n times is n tokens, in every sum', () => {
  const sizes = { layers: 1, experts: 5, topK: 2, tokens: 300 };
  const { experts, topK, tokens } = sizes;
  const hidden = 4;
  const random = seededRandom(3);
  const [taps] = randomTaps(sizes, 1);
  const weights = Float64Array.from({ length: tokens }, () => random.integer(4));
  const outputs = Float32Array.from({ length: experts * tokens * hidden }, () => random.float() - 0.5);
  const cosines = Float64Array.from({ length: tokens }, () => random.float());
  const order = [...weights.keys()].flatMap((token) => Array.from({ length: weights[token]! }, () => token));
  const filled = (own: readonly number[], counted?: Float64Array): RoutingStatistics => {
    const statistics = emptyStatistics(1, experts, topK, hidden, ['residual', 'every-output']);
    const rows = reorderTokens(taps!, own, sizes);
    accumulateRouting(statistics, 0, rows, counted);
    accumulateResidual(statistics, 0, { ...rows, cosines: own.map((token) => cosines[token]!), counted });
    const picked = Array.from({ length: experts }, (_, expert) =>
      own.flatMap((token) => Array.from(outputs.subarray((expert * tokens + token) * hidden).subarray(0, hidden))),
    );
    atOnce(
      accumulateOutputs(statistics, 0, { outputs: Float32Array.from(picked.flat()), experts: rows.experts, counted }),
    );
    return statistics;
  };
  const [once, repeated] = [filled([...weights.keys()], weights), filled(order)].map(arraysOf);
  for (const [name, values] of Object.entries(once!)) {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest, name).toBeGreaterThan(0);
    values.forEach((value, at) => {
      if (Math.abs(value - repeated![name]![at]!) > 1e-12 * largest)
        expect.fail(`${name}[${at}] is ${value} instead of ${repeated![name]![at]}`);
    });
  }
});

test('weights rise evenly over the answer, to as many times those of the context, and count as many tokens', () => {
  const weights = endWeights(6, 3, 4);
  [1, 1, 1, 2, 3, 4].forEach((times, at) => expect(weights[at]! / weights[0]!).toBeCloseTo(times, 12));
  expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(6, 12);
  expect([...endWeights(3, 9, 1)]).toEqual([1, 1, 1]);
});

const item: WrittenItem = { id: 'a', context: 'Sum: 1 + 2 =', answers: [' 3'], until: ['\n', '.'], maxNewTokens: 8 };
const written = (text: string, stopped: 'until' | 'end' | 'length') =>
  ({ kind: 'written', id: 'a', text, filtered: text, correct: true, tokens: 2, stopped, truncatedTokens: 0 }) as const;

test('complete answers are those that ended, with the stop string that ended them', () => {
  const texts = [written(' 3', 'until'), written(' 3 3 3', 'length'), written(' three', 'end')];
  const items = [item, item, item];
  expect(profiledOn('endings', items, texts)).toEqual([
    { ...item, profiled: ' 3\n', endWeight: 4 },
    { ...item, profiled: ' three', endWeight: 4 },
  ]);
  expect(profiledOn('written', items, texts).map(({ profiled }) => profiled)).toEqual([' 3', ' 3 3 3', ' three']);
  expect(() => profiledOn('endings', [{ ...item, id: 'b' }], texts)).toThrow('nothing was written');
});

test('a model’s profile counts each token as much as it weighs, in every statistic', async () => {
  const runner = await openRunner(scoringFixture('mixtral-byte-fallback'), { batchSlots: 64 });
  const items = ['x y z', 'a router chooses', 'and so on'].map((profiled, index) => ({
    ...item,
    id: String(index),
    profiled,
  }));
  const weighted = items.map((own) => ({ ...own, endWeight: 4 }));
  const plain = await runner.profile(items, uncancelled);
  expect(
    await runner.profile(
      items.map((own) => ({ ...own, endWeight: 1 })),
      uncancelled,
    ),
  ).toEqual(plain);
  const profile = await runner.profile(weighted, uncancelled);
  const counts = new Float64Array(profile.counts.length);
  for (const { context, profiled } of items) {
    const tokens = runner.tokenizer!.encode(context + profiled, true);
    const answer = tokens.length - runner.tokenizer!.encode(context, true).length;
    const own = endWeights(tokens.length, answer, 4);
    const [result] = await runner.forward([tokens], null, uncancelled);
    const perLayer = tokens.length * profile.topK;
    result!.experts.forEach((expert, at) => {
      const layer = Math.floor(at / perLayer);
      counts[layer * profile.experts + expert]! += own[Math.floor((at % perLayer) / profile.topK)]!;
    });
  }
  counts.forEach((count, at) => expect(profile.counts[at]).toBeCloseTo(count, 9));
  expect(profile.tokens).toBe(plain.tokens);
  const whole = await runner.profile(weighted, uncancelled, extraStatistics);
  expect(holdsExtras(whole, extraStatistics)).toBe(true);
  whole.counts.forEach((count, at) => expect(count).toBeCloseTo(profile.counts[at]!, 9));
  const [drawn] = await runner.profileDraws(weighted, [[2, 0, 1]], uncancelled);
  const again = await runner.profile([weighted[0]!, { ...weighted[0]!, id: '3' }, weighted[2]!], uncancelled);
  drawn!.logitGram.forEach((value, at) => expect(value).toBeCloseTo(again.logitGram[at]!, 4));
});
