import { describe, expect, it } from 'vitest';
import type { RoutingRule, TensorView } from '../../../../main/checkpoint/descriptor.ts';
import { normalSource, seededRandom } from '../../../../main/statistics/random.ts';
import { type Gate, gateOf, type GateSettings } from '../../../../main/pruning/recovery/gate-gradient.ts';
import { recoverRouter, type RouterProblem } from '../../../../main/pruning/recovery/recover-router.ts';
import { atOnce } from '../../arithmetic/at-once.ts';
import { traceLayer } from '../../../../main/pruning/search/layer-trace.ts';
import { routeTokens } from '../../../../main/pruning/search/route-tokens.ts';
import { chosenRule, otherRules, sigmoidRule, softmaxRule } from '../../checkpoint/routing-rules.ts';

const rows = 8;
const correctionView: TensorView = {
  file: 'none',
  tensor: 'none',
  dtype: 'F32',
  shape: [rows],
  byteOffset: 0,
  byteLength: 4 * rows,
};
const correction = Float32Array.from({ length: rows }, (_, row) => 0.1 * ((row * 5) % 7) - 0.3);
const rules: Readonly<Record<string, RoutingRule>> = {
  'softmax of the chosen': chosenRule,
  'renormalised softmax': softmaxRule(true, 1.5),
  'raw softmax': softmaxRule(false, 2.5),
  'raw softmax in groups': softmaxRule(false, 1, { count: 4, kept: 2 }),
  'renormalised softmax in groups': softmaxRule(true, 1, { count: 4, kept: 2 }),
  sigmoid: sigmoidRule(true, 2.5, { count: 4, kept: 2 }, correctionView),
  'raw sigmoid': sigmoidRule(false, 1, null, correctionView),
  ...otherRules(correctionView),
};
const each = Array.from({ length: rows }, (_, row) => row);
const correctionFor = (rule: RoutingRule): Float32Array | undefined =>
  rule.kind === 'scores' && rule.correction !== null ? correction : undefined;
const settingsOf = (rule: RoutingRule): GateSettings => ({
  rule,
  topK: 2,
  expertOf: each,
  isSummed: false,
  correction: correctionFor(rule),
});
const required = (settings: GateSettings): Gate => gateOf(settings) ?? expect.fail('no gate');

describe.each(Object.entries(rules))('the gate of a %s', (_, rule) => {
  const normal = normalSource(seededRandom(3));
  const gate = required(settingsOf(rule));

  it('chooses and weights as the routing rule does', () => {
    const logits = Float32Array.from({ length: 20 * rows }, () => normal());
    const route = routeTokens(rule, logits, rows, 2, correctionFor(rule));
    for (let token = 0; token < 20; token++) {
      const theirs = route(token, new Uint8Array(rows).fill(1));
      const ours = gate(Float64Array.from(logits.subarray(token * rows, (token + 1) * rows)));
      expect(ours.experts).toEqual(theirs.experts);
      ours.weights.forEach((weight, slot) => expect(weight).toBeCloseTo(theirs.weights[slot]!, 9));
    }
  });

  it('has the derivative of small changes of its logits', () => expectDerivative(gate, normal));
});

/** Central differences of sum g w at a random point, where no choice is near a tie. */
const expectDerivative = (gate: Gate, normal: () => number): void => {
  const logits = Float64Array.from({ length: rows }, () => normal());
  const byWeights = [0.7, -1.3];
  const chosen = gate(logits);
  const value = (at: Float64Array): number => {
    const { experts, weights } = gate(at);
    expect(experts).toEqual(chosen.experts);
    return weights.reduce((sum, weight, slot) => sum + weight * byWeights[slot]!, 0);
  };
  const derivative = new Float64Array(rows);
  chosen.backward(byWeights, derivative);
  for (let row = 0; row < rows; row++) {
    const moved = (by: number): Float64Array => logits.map((logit, at) => (at === row ? logit + by : logit));
    expect(derivative[row]).toBeCloseTo((value(moved(1e-5)) - value(moved(-1e-5))) / 2e-5, 7);
  }
};

describe('gates of merged experts', () => {
  const expertOf = [0, 1, 2, 3, 0, 1, 2, 3];
  it.each([true, false])('add up the probabilities of the rows of an expert (normalised: %s)', (normalise) => {
    const normal = normalSource(seededRandom(8));
    const rule = softmaxRule(normalise);
    expectDerivative(required({ rule, topK: 2, expertOf, isSummed: true }), normal);
  });
  it('have none where the rule has no derivative here', () => {
    expect(
      gateOf({ rule: { kind: 'sparsemixer', jitter: 0.01 }, topK: 2, expertOf: each, isSummed: false }),
    ).toBeNull();
  });
});

/** Tokens whose wanted output is the mixture of a true router; the experts are random linear maps. */
const problemOf = (seed: number, items: number) => {
  const [hidden, tokens, experts] = [6, items * 5, rows];
  const normal = normalSource(seededRandom(seed));
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => normal());
  const inputs = draw(tokens * hidden);
  const maps = Array.from({ length: experts }, () => draw(hidden * hidden));
  const times = (matrix: Float32Array, token: number, count: number): Float32Array =>
    Float32Array.from({ length: count }, (_, row) => {
      let sum = 0;
      for (let h = 0; h < hidden; h++) sum += matrix[row * hidden + h]! * inputs[token * hidden + h]!;
      return sum;
    });
  const outputs = new Float32Array(experts * tokens * hidden);
  maps.forEach((map, expert) => {
    for (let token = 0; token < tokens; token++)
      outputs.set(times(map, token, hidden), (expert * tokens + token) * hidden);
  });
  const gate = required(settingsOf(chosenRule));
  const truth = draw(rows * hidden);
  const wanted = new Float32Array(tokens * hidden);
  for (let token = 0; token < tokens; token++) {
    const { experts: chosen, weights } = gate(Float64Array.from(times(truth, token, rows)));
    chosen.forEach((expert, slot) => {
      for (let h = 0; h < hidden; h++)
        wanted[token * hidden + h]! += weights[slot]! * outputs[(expert * tokens + token) * hidden + h]!;
    });
  }
  const problem: RouterProblem = {
    hidden,
    tokens: inputs,
    items: Int32Array.from({ length: tokens }, (_, token) => Math.floor(token / 5)),
    trace: traceLayer(outputs, wanted, experts, hidden),
    gate,
  };
  return { problem, truth, start: truth.map((value) => value + 0.6 * normal()) };
};

describe('recoverRouter', () => {
  it('leaves far less of the error on held-out items, the same every time', () => {
    const { problem, start } = problemOf(5, 80);
    const recovery = atOnce(recoverRouter(problem, start));
    expect(recovery.heldOut).toBeLessThan(0.3);
    expect(recovery.left).toBeLessThan(0.3);
    expect(recovery.steps).toBeGreaterThan(0);
    expect(atOnce(recoverRouter(problem, start))).toEqual(recovery);
  });

  it('changes nothing where nothing can be gained, or where no item can be held out', () => {
    const { problem, truth } = problemOf(6, 40);
    expect(atOnce(recoverRouter(problem, truth))).toMatchObject({
      steps: 0,
      heldOut: 1,
      rows: Float64Array.from(truth),
    });
    const { problem: thin, start } = problemOf(6, 3);
    expect(atOnce(recoverRouter(thin, start))).toMatchObject({ steps: 0, rows: Float64Array.from(start) });
  });

  it('yields after each step so that it can be cancelled', () => {
    const { problem, start } = problemOf(7, 8);
    const steps = recoverRouter(problem, start);
    expect(steps.next().done).toBe(false);
    expect(steps.next().done).toBe(false);
  });
});
