import type { ExpertGroups, RoutingRule, ScoreRule } from '../../checkpoint/descriptor.ts';
import { isSoftmaxOfChosen } from '../../checkpoint/routing.ts';
import type { RouteToken } from './layer-trace.ts';

/** The graph's addend to the score of an expert that may not be chosen. */
const MASKED = -1e9;

interface Choice {
  readonly experts: readonly number[];
  readonly weights: readonly number[];
}

/**
 * A family's routing rule in plain code, for trying many sets of allowed experts on the same tokens: `logits` [N, E] as
 * output by the router (including its bias), `correction` [E] and `expertScale` [E] where the rule has them. The same
 * choices as the graph's rule with the other experts masked, and the same weights up to float32 rounding. Ties go to
 * the lower index.
 */
export const routeTokens = (
  rule: RoutingRule,
  logits: Float32Array,
  experts: number,
  topK: number,
  correction?: Float32Array,
  expertScale?: Float32Array,
): RouteToken => {
  const row = (token: number): Float32Array => logits.subarray(token * experts, (token + 1) * experts);
  if (rule.kind === 'sparsemixer') return (token, allowed) => sparsemixer(rule.jitter, row(token), allowed);
  if (isSoftmaxOfChosen(rule) && rule.groups === null && expertScale === undefined)
    return byOrder(logits, experts, topK, rule.scale);
  if (expertScale === undefined) return (token, allowed) => byScore(rule, row(token), topK, allowed, correction);
  return (token, allowed) => {
    const { experts: chosen, weights } = byScore(rule, row(token), topK, allowed, correction);
    return { experts: chosen, weights: weights.map((weight, slot) => weight * expertScale[chosen[slot]!]!) };
  };
};

/** Softmax over the chosen alone: each token's experts are ranked once, and the first allowed ones are chosen. */
const byOrder = (logits: Float32Array, experts: number, topK: number, scale: number): RouteToken => {
  const order = new Int32Array(logits.length);
  for (let first = 0; first < logits.length; first += experts) {
    const ranked = Array.from({ length: experts }, (_, expert) => expert);
    ranked.sort((a, b) => logits[first + b]! - logits[first + a]! || a - b);
    order.set(ranked, first);
  }
  return (token, allowed) => {
    const chosen: number[] = [];
    const weights: number[] = [];
    const first = token * experts;
    let total = 0;
    for (let position = first; position < first + experts && chosen.length < topK; position++) {
      const expert = order[position]!;
      if (allowed[expert] !== 1) continue;
      chosen.push(expert);
      const weight = Math.exp(logits[first + expert]! - logits[first + chosen[0]!]!);
      weights.push(weight);
      total += weight;
    }
    for (let slot = 0; slot < weights.length; slot++) weights[slot] = (weights[slot]! / total) * scale;
    return { experts: chosen, weights };
  };
};

/** Chosen by score + correction; without a correction, a softmax ranks as its logits do. */
const byScore = (
  rule: ScoreRule,
  logits: Float32Array,
  topK: number,
  allowed: Uint8Array,
  correction: Float32Array | undefined,
): Choice => {
  const scores = scoresOf(rule.score, logits, allowed);
  const ranked = rule.score === 'softmax' && rule.correction === null ? logits : scores;
  const forChoice = correction === undefined ? ranked : ranked.map((score, expert) => score + correction[expert]!);
  const open = expertsWithinGroups(forChoice, rule.groups, allowed);
  const experts = largest(forChoice, topK, (expert) => open[expert] === 1);
  if (isSoftmaxOfChosen(rule))
    return { experts, weights: softmaxOf(logits, experts, experts).map((weight) => weight * rule.scale) };
  const weights = experts.map((expert) => (rule.after === 'sigmoid' ? sigmoid(scores[expert]!) : scores[expert]!));
  const divisor = divisorOf(rule, weights);
  return { experts, weights: weights.map((weight) => (weight / divisor) * rule.scale) };
};

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));

const scoresOf = (score: ScoreRule['score'], logits: Float32Array, allowed: Uint8Array): Float64Array => {
  switch (score) {
    case 'softmax': {
      const all = [...logits.keys()].filter((expert) => allowed[expert] === 1);
      return Float64Array.from(softmaxOf(logits, [...logits.keys()], all));
    }
    case 'sigmoid':
      return Float64Array.from(logits, sigmoid);
    case 'sqrt-softplus':
      return Float64Array.from(logits, (logit) => Math.sqrt(softplus(logit)));
    case 'logit':
      return Float64Array.from(logits);
  }
};

/** ln(1 + e^z) without overflow. */
export const softplus = (value: number): number => Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value)));

/** By which chosen weights are divided. */
export const divisorOf = ({ renormalise }: ScoreRule, weights: readonly number[]): number => {
  if (renormalise === null) return 1;
  const { epsilon, as } = renormalise;
  return as === 'addend'
    ? weights.reduce((sum, weight) => sum + weight, epsilon)
    : Math.max(
        weights.reduce((sum, weight) => sum + weight, 0),
        epsilon,
      );
};

/** SparseMixer-v2 at inference: see the graph's rule for its source. */
const sparsemixer = (jitter: number, logits: Float32Array, allowed: Uint8Array): Choice => {
  const experts: number[] = [];
  const weights: number[] = [];
  for (let pick = 0; pick < 2; pick++) {
    const left = (expert: number): boolean => allowed[expert] === 1 && !experts.includes(expert);
    const [best] = largest(logits, 1, left);
    if (best === undefined) break;
    const top = logits[best]!;
    const near = [...logits.keys()].filter(
      (expert) => left(expert) && (top - logits[expert]!) / Math.max(Math.abs(logits[expert]!), top) <= 2 * jitter,
    );
    experts.push(best);
    weights.push(softmaxOf(logits, [best], near.includes(best) ? near : [best, ...near])[0]!);
  }
  return { experts, weights };
};

/** The `count` largest among those that `may` be chosen, by decreasing value; ties go to the lower index. */
export const largest = (values: ArrayLike<number>, count: number, may: (index: number) => boolean): number[] => {
  const chosen: number[] = [];
  for (let index = 0; index < values.length; index++) {
    if (!may(index)) continue;
    const value = values[index]!;
    if (chosen.length === count && !(value > values[chosen[count - 1]!]!)) continue;
    let position = chosen.length === count ? count - 1 : chosen.length;
    for (; position > 0 && value > values[chosen[position - 1]!]!; position--) chosen[position] = chosen[position - 1]!;
    chosen[position] = index;
  }
  return chosen;
};

/** Weights of `chosen` in a softmax over `all`. */
const softmaxOf = (logits: ArrayLike<number>, chosen: readonly number[], all: readonly number[]): number[] => {
  const top = all.reduce((most, expert) => Math.max(most, logits[expert]!), -Infinity);
  const total = all.reduce((sum, expert) => sum + Math.exp(logits[expert]! - top), 0);
  return chosen.map((expert) => Math.exp(logits[expert]! - top) / total);
};

/** Allowed experts of the groups that may be chosen from: the best by the sum of their `least` best allowed scores. */
export const expertsWithinGroups = (
  scores: ArrayLike<number>,
  groups: ExpertGroups | null,
  allowed: Uint8Array,
): Uint8Array => {
  if (groups === null) return allowed;
  const size = scores.length / groups.count;
  const groupOf = (expert: number): number => Math.floor(expert / size);
  const worth = Float64Array.from({ length: groups.count }, (_, group) => {
    const best = largest(scores, groups.least, (expert) => allowed[expert] === 1 && groupOf(expert) === group);
    return best.reduce((sum, expert) => sum + scores[expert]!, (groups.least - best.length) * MASKED);
  });
  const open = largest(worth, groups.kept, () => true);
  return allowed.map((flag, expert) => (open.includes(groupOf(expert)) ? flag : 0));
};
