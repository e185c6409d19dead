import { describe, expect, it } from 'vitest';
import type { RunnerSettings } from '../../open-model-runner.ts';
import { FEW_SAMPLED } from '../../../main/contract/profile.ts';
import { extraStatistics, holdsExtras, type RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { layerRow, layerSquare } from '../../../main/pruning/weighed-profiles.ts';
import { scoringFixture } from '../checkpoint/checkpoint-files.ts';
import { openRunner, uncancelled } from './open-runner.ts';

const texts = ['the quick brown fox', 'expert', 'a router chooses two experts for each token', 'and so on', 'x y z'];
const items = texts.map((text, index) => ({ id: String(index), text }));

const profiled = async (
  tuning: Partial<RunnerSettings> = {},
  order: readonly number[] = [0, 1, 2, 3, 4],
): Promise<RoutingStatistics> => {
  const runner = await openRunner(scoringFixture('mixtral-byte-fallback'), tuning);
  return runner.profile(
    order.map((index) => items[index]!),
    uncancelled,
    extraStatistics,
  );
};

/** Every number of a profile, by name. */
const numbersOf = ({ outputs, elimination, ...plain }: RoutingStatistics): Readonly<Record<string, Float64Array>> => ({
  ...Object.fromEntries(
    Object.entries(plain).filter((entry): entry is [string, Float64Array] => entry[1] instanceof Float64Array),
  ),
  routedSum: outputs!.routedSum,
  everywhereSum: outputs!.everywhere!.sum,
  cosineSum: outputs!.everywhere!.cosineSum,
  kept: elimination!.kept,
  loss: elimination!.loss,
  single: elimination!.single,
});

const expectSame = (a: RoutingStatistics, b: RoutingStatistics): void => {
  const [ours, theirs] = [numbersOf(a), numbersOf(b)];
  for (const [name, values] of Object.entries(ours)) {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
    values.forEach((value, at) => {
      if (Math.abs(value - theirs[name]![at]!) > 1e-6 * largest)
        expect.fail(`${name}[${at}] is ${theirs[name]![at]} instead of ${value}`);
    });
  }
};

describe('a profile with everything', () => {
  it('does not depend on batches, on the order of items, or on streaming, beyond 1e-6', async () => {
    const whole = await profiled();
    expect(holdsExtras(whole, extraStatistics)).toBe(true);
    expectSame(whole, await profiled({ batchSlots: 8 }));
    expectSame(whole, await profiled({ streamed: true }));
    expectSame(whole, await profiled({}, [3, 0, 4, 2, 1]));
  });

  it('samples every choice of few tokens, in the order of the texts whatever the batches', async () => {
    const { sample, counts, gateMass, layers, experts, topK, tokens } = await profiled({ batchSlots: 8 });
    expect(sample?.size).toBe(tokens);
    const sums = { counts: new Float64Array(layers * experts), gates: new Float64Array(layers * experts) };
    sample?.experts.forEach((expert, at) => {
      const layer = Math.floor(at / (tokens * topK));
      sums.counts[layer * experts + expert]! += 1;
      sums.gates[layer * experts + expert]! += sample.weights[at]!;
    });
    expect(sums.counts).toEqual(counts);
    sums.gates.forEach((gate, at) => expect(gate).toBeCloseTo(gateMass[at]!, 5));
    const runner = await openRunner(scoringFixture('mixtral-byte-fallback'));
    const alone = await runner.profile(items, uncancelled, ['choices']);
    expect(alone.sample).toEqual({ ...sample, weights: expect.any(Float32Array) });
    expect(alone.outputs).toBeUndefined();
    expect(alone.items).toBe(items.length);
  });

  it('matches its definitions', async () => {
    const { layers, experts, topK, tokens, counts, eanSum, peakOutputs, residualSum, reapSum, outputs, elimination } =
      await profiled();
    const { hidden, routedSum, everywhere } = outputs!;
    for (let layer = 0; layer < layers; layer++) {
      const own = layerRow(counts, layer, experts);
      own.forEach((count, expert) => {
        const at = layer * experts + expert;
        // The length of a sum is at most the sum of lengths; the largest component at most the length.
        const length = Math.hypot(...layerRow(routedSum, at, hidden));
        expect(length).toBeLessThanOrEqual(eanSum[at]! + 1e-6);
        if (count === 0) expect([length, peakOutputs![at]]).toEqual([0, 0]);
        else expect(peakOutputs![at]).toBeLessThanOrEqual(eanSum[at]!);
        // 1 - cosine is at most 2.
        expect(residualSum![at]).toBeGreaterThanOrEqual(0);
        expect(residualSum![at]).toBeLessThanOrEqual(2 * reapSum[at]! + 1e-6);
      });
      const cosines = layerSquare(everywhere!.cosineSum, layer, experts);
      cosines.forEach((sum, at) => {
        if (at % (experts + 1) === 0) expect(sum).toBeCloseTo(tokens, 4);
        else expect(Math.abs(sum)).toBeLessThanOrEqual(tokens);
        expect(sum).toBe(cosines[(at % experts) * experts + Math.floor(at / experts)]);
      });
      for (let keep = 1; keep <= experts; keep++) {
        const row = layerRow(elimination!.kept, layer * experts + keep - 1, experts);
        expect(row.reduce((sum, value) => sum + value, 0)).toBe(keep < topK ? 0 : keep);
      }
      // All experts give the layer's output; one never chosen costs nothing where weights are renormalised.
      expect(elimination!.loss[layer * experts + experts - 1]).toBeLessThan(1e-4);
      layerRow(elimination!.single, layer, experts).forEach((loss, expert) => {
        if (own[expert] === 0) expect(loss).toBeLessThan(1e-4);
        else expect(loss).toBeGreaterThan(1e-4);
      });
    }
  });

  it('contains only what was requested', async () => {
    const runner = await openRunner(scoringFixture('mixtral-byte-fallback'));
    const plain = await runner.profile(items, uncancelled);
    expect([plain.peakOutputs, plain.residualSum, plain.outputs, plain.elimination]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const some = await runner.profile(items, uncancelled, ['residual', 'routed-outputs']);
    expect([some.outputs?.everywhere, some.peakOutputs, some.elimination]).toEqual([undefined, undefined, undefined]);
    const { outputs, elimination } = await profiled();
    expectSame(
      { ...plain, outputs: outputs!, elimination: elimination! },
      { ...some, outputs: { ...outputs!, routedSum: some.outputs!.routedSum }, elimination: elimination! },
    );
  });
});

describe('pruneProgressively', () => {
  it('begins as the layer-wise search, and keeps pinned experts', async () => {
    const runner = await openRunner(scoringFixture('mixtral-byte-fallback'));
    const { elimination, experts, layers } = await runner.profile(items, uncancelled, ['elimination']);
    const kept = await runner.pruneProgressively(
      items,
      Array.from({ length: layers }, (_, layer) => 3 + layer),
      uncancelled,
    );
    expect(kept.map((layer) => layer.length)).toEqual(Array.from({ length: layers }, (_, layer) => 3 + layer));
    const first = layerRow(elimination!.kept, 2, experts);
    expect(kept[0]).toEqual([...first.keys()].filter((expert) => first[expert] === 1));
  });
});

describe('profiles of draws of the items', () => {
  const times = [
    [0, 2, 1, 0, 3],
    [1, 1, 1, 1, 1],
  ];
  const sums = (statistics: RoutingStatistics): Readonly<Record<string, Float64Array>> =>
    Object.fromEntries(
      Object.entries(statistics).filter((entry): entry is [string, Float64Array] => entry[1] instanceof Float64Array),
    );
  const expectEqual = (ours: RoutingStatistics, theirs: RoutingStatistics): void => {
    const { layers, experts, topK, tokens } = theirs;
    expect(ours).toMatchObject({ layers, experts, topK, tokens, items: theirs.items });
    const other = sums(theirs);
    for (const [name, values] of Object.entries(sums(ours))) {
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
      values.forEach((value, at) => {
        if (Math.abs(value - other[name]![at]!) > 1e-6 * largest)
          expect.fail(`${name}[${at}] is ${other[name]![at]} instead of ${value}`);
      });
    }
    expect(Object.keys(sums(ours)).sort()).toEqual(Object.keys(other).sort());
  };

  it('equal the profile of the items, each as often as it was drawn', async () => {
    for (const extras of [[], ['peaks']] as const) {
      const runner = await openRunner(scoringFixture('mixtral-byte-fallback'), { batchSlots: 16 });
      const draws = await runner.profileDraws(items, times, uncancelled, extras);
      expect(draws).toHaveLength(times.length);
      for (const [draw, statistics] of draws.entries()) {
        const drawn = items.flatMap((item, index) =>
          Array.from({ length: times[draw]![index]! }, (_, copy) => ({ ...item, id: `${item.id} ${copy}` })),
        );
        expectEqual(statistics, await runner.profile(drawn, uncancelled, extras));
      }
    }
  });

  it('count a prefix that items share once for each of them', async () => {
    const runner = await openRunner(scoringFixture('mixtral-byte-fallback'));
    const beginning = 'a long beginning that every one of these items has in common, '.repeat(2);
    const shared = [...texts.map((text) => beginning + text), 'another one'].map((text, index) => ({
      id: String(index),
      text,
    }));
    const own = [2, 0, 1, 1, 0, 2];
    const [draw] = await runner.profileDraws(shared, [own], uncancelled);
    const drawn = shared.flatMap((item, index) =>
      Array.from({ length: own[index]! }, (_, copy) => ({ ...item, id: `${item.id} ${copy}` })),
    );
    const profile = await runner.profile(drawn, uncancelled);
    expectEqual(draw!, profile);
    // Its small sample is the large one's of so few tokens, also within the prefix.
    const few = shared.slice(0, 3);
    const { sample, tokens } = await runner.profile(few, uncancelled);
    const inspected = await runner.profile(few, uncancelled, ['choices']);
    expect(sample?.size).toBe(tokens);
    expect(tokens).toBeLessThanOrEqual(FEW_SAMPLED);
    expect(sample).toEqual({ ...inspected.sample, weights: expect.any(Float32Array) });
    sample?.weights.forEach((weight, at) => expect(weight).toBeCloseTo(inspected.sample?.weights[at] ?? NaN, 5));
    expect(profile.sample?.size).toBe(Math.min(FEW_SAMPLED, profile.tokens));
  });
});
