import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RoutingRule, TensorView } from '../../../../main/checkpoint/descriptor.ts';
import { combinations, eliminateExperts, subsets } from '../../../../main/pruning/search/eliminate-experts.ts';
import { layerLoss, traceLayer } from '../../../../main/pruning/search/layer-trace.ts';
import { routeTokens } from '../../../../main/pruning/search/route-tokens.ts';
import { chosenRule, otherRules, sigmoidRule, softmaxRule } from '../../checkpoint/routing-rules.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

const view: TensorView = { tensor: 'correction', file: '', dtype: 'F32', shape: [6], byteOffset: 0, byteLength: 24 };
const rules: readonly (readonly [string, RoutingRule])[] = [
  ['softmax, normalised', softmaxRule(true)],
  ['softmax, raw and scaled', softmaxRule(false, 2.5)],
  ['softmax in groups', softmaxRule(false, 1, { count: 3, kept: 2 })],
  ['softmax over the chosen', chosenRule],
  ['sigmoid', sigmoidRule(true, 2, null, view)],
  ['sparsemixer', { kind: 'sparsemixer', jitter: 0.01 }],
  ...Object.entries(otherRules(view)),
];
const draw = (length: number, seed: number): Float32Array => {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => 4 * random.float() - 2);
};

describe('routeTokens', () => {
  it.each(rules)('%s: leaving experts out equals deleting their rows', (_, rule) => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const [experts, tokens] = [6, 7];
        // One expert of each group of two stays, so that groups stay comparable.
        const kept = rule.kind === 'scores' && rule.groups !== null ? [0, 1, 2, 3, 4, 5] : [0, 2, 3, 5];
        const logits = draw(experts * tokens, seed);
        const correction = rule.kind === 'scores' && rule.correction !== null ? draw(experts, seed + 1) : undefined;
        const rest = Float32Array.from(
          { length: kept.length * tokens },
          (_v, at) => logits[Math.floor(at / kept.length) * experts + kept[at % kept.length]!]!,
        );
        const allowed = Uint8Array.from({ length: experts }, (_v, expert) => (kept.includes(expert) ? 1 : 0));
        const masked = routeTokens(rule, logits, experts, 2, correction);
        const deleted = routeTokens(
          rule,
          rest,
          kept.length,
          2,
          correction === undefined ? undefined : Float32Array.from(kept, (expert) => correction[expert]!),
        );
        for (let token = 0; token < tokens; token++) {
          const small = deleted(token, new Uint8Array(kept.length).fill(1));
          const large = masked(token, allowed);
          expect(large.experts).toEqual(small.experts.map((expert) => kept[expert]));
          large.weights.forEach((weight, at) => expect(weight).toBeCloseTo(small.weights[at]!, 12));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('gives ties to the lower index', () => {
    const route = routeTokens(chosenRule, new Float32Array(5).fill(1), 5, 2);
    expect(route(0, Uint8Array.of(1, 1, 1, 1, 1))).toEqual({ experts: [0, 1], weights: [0.5, 0.5] });
    expect(route(0, Uint8Array.of(0, 1, 0, 1, 1)).experts).toEqual([1, 3]);
  });
});

const [experts, tokens, hidden] = [6, 9, 4];
const layerOf = (seed: number) => {
  const outputs = draw(experts * tokens * hidden, seed);
  const route = routeTokens(softmaxRule(true), draw(experts * tokens, seed + 1), experts, 2);
  const outputOf = (kept: readonly number[]): Float32Array => {
    const allowed = Uint8Array.from({ length: experts }, (_, expert) => (kept.includes(expert) ? 1 : 0));
    return Float32Array.from({ length: tokens * hidden }, (_, at) => {
      const [token, h] = [Math.floor(at / hidden), at % hidden];
      const { experts: chosen, weights } = route(token, allowed);
      return chosen.reduce(
        (sum, expert, slot) => sum + weights[slot]! * outputs[(expert * tokens + token) * hidden + h]!,
        0,
      );
    });
  };
  return { outputs, route, outputOf };
};

describe('layerLoss', () => {
  it('is the Frobenius norm of the error, batch by batch', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: tokens - 1 }), (seed, cut) => {
        const { outputs, route, outputOf } = layerOf(seed);
        const wanted = outputOf([0, 1, 2, 3, 4, 5]);
        const trace = traceLayer(outputs, wanted, experts, hidden);
        for (const kept of [
          [0, 1, 2, 3, 4, 5],
          [1, 3, 4],
          [0, 5],
        ]) {
          const missing = outputOf(kept).map((value, at) => value - wanted[at]!);
          const norm = (from: number, to: number) => Math.hypot(...missing.subarray(from * hidden, to * hidden));
          expect(layerLoss(trace, route, kept)).toBeCloseTo(norm(0, tokens), 4);
          expect(layerLoss(trace, route, kept, [cut, tokens])).toBeCloseTo(norm(0, cut) + norm(cut, tokens), 4);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('eliminateExperts', () => {
  it('finds the best subset of every size where it tries all', async () => {
    const { outputs, route, outputOf } = layerOf(3);
    const trace = traceLayer(outputs, outputOf([0, 1, 2, 3, 4, 5]), experts, hidden);
    const loss = (kept: readonly number[]): number => layerLoss(trace, route, kept);
    const { bySize, single } = await eliminateExperts(experts, 2, loss);
    expect(bySize.map(({ kept }) => kept.length)).toEqual([2, 3, 4, 5, 6]);
    const all = [0, 1, 2, 3, 4, 5];
    bySize.forEach(({ kept, loss: found, exhaustive }) => {
      expect(exhaustive).toBe(true);
      expect(found).toBe(Math.min(...[...combinations(all, kept.length)].map(loss)));
      expect(loss(kept)).toBe(found);
    });
    expect(single).toEqual(all.map((expert) => loss(all.filter((other) => other !== expert))));
  });

  it('leaves out one after the other where subsets are too many: each set contains the next smaller one', async () => {
    const random = seededRandom(5);
    const worth = Array.from({ length: 9 }, () => random.float());
    const loss = (kept: readonly number[]): number =>
      worth.reduce((sum, value, expert) => (kept.includes(expert) ? sum : sum + value), 0);
    const { bySize } = await eliminateExperts(9, 1, loss, 10);
    // 9 subsets of one missing expert are few enough; 36 of two are not.
    expect(bySize.map(({ exhaustive }) => exhaustive)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
    for (let at = 2; at < 7; at++)
      for (const expert of bySize[at - 1]!.kept) expect(bySize[at]!.kept).toContain(expert);
    // With losses that add up, greedy is exact.
    const ranked = [...worth.keys()].sort((a, b) => worth[b]! - worth[a]!);
    bySize.forEach(({ kept }) => expect([...kept].sort()).toEqual(ranked.slice(0, kept.length).sort()));
  });

  it('drops the higher index where losses are equal', async () => {
    const { bySize } = await eliminateExperts(4, 1, () => 1, 1);
    expect(bySize.map(({ kept }) => kept)).toEqual([[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]);
  });

  it('counts subsets and lists them in lexicographic order', () => {
    expect([subsets(8, 4), subsets(5, 0), subsets(64, 32) > 1e18]).toEqual([70, 1, true]);
    expect([...combinations([0, 1, 2, 3], 2)]).toEqual([
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
      [2, 3],
    ]);
    expect([...combinations([7], 0)]).toEqual([[]]);
    expect([...combinations([7], 2)]).toEqual([]);
  });
});
