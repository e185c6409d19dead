import type { ExpertGroups, RoutingRule } from '../../checkpoint/descriptor.ts';
import type { RouteToken } from './layer-trace.ts';

/** Keeps a sum of weights from dividing by zero, as DeepSeek-V3's own code does. */
const TINY = 1e-20;
/** The graph's addend to the score of an expert that may not be chosen. */
const MASKED = -1e9;

interface Choice {
  readonly experts: readonly number[];
  readonly weights: readonly number[];
}

/**
 * A family's routing rule in plain code, for trying many sets of allowed experts on the same tokens: `logits` [N, E] as
 * output by the router (including its bias), `correction` [E] of a sigmoid router. The same choices as the graph's rule
 * with the other experts masked, and the same weights up to float32 rounding. Ties go to the lower index.
 */
export const routeTokens = (
  rule: RoutingRule,
  logits: Float32Array,
  experts: number,
  topK: number,
  correction?: Float32Array,
): RouteToken => {
  const row = (token: number): Float32Array => logits.subarray(token * experts, (token + 1) * experts);
  switch (rule.kind) {
    case 'softmax-chosen':
      return byOrder(logits, experts, topK, 1);
    case 'softmax-all':
      if (rule.normalise && rule.groups === null) return byOrder(logits, experts, topK, rule.scale);
      return (token, allowed) => softmaxAll(rule, row(token), topK, allowed);
    case 'sigmoid':
      return (token, allowed) => sigmoid(rule, row(token), topK, allowed, correction);
    case 'sparsemixer':
      return (token, allowed) => sparsemixer(rule.jitter, row(token), allowed);
  }
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

const softmaxAll = (
  rule: Extract<RoutingRule, { kind: 'softmax-all' }>,
  logits: Float32Array,
  topK: number,
  allowed: Uint8Array,
): Choice => {
  const open = expertsWithinGroups(logits, rule.groups, 1, allowed);
  const experts = largest(logits, topK, (expert) => open[expert] === 1);
  const all = rule.normalise ? experts : [...logits.keys()].filter((expert) => allowed[expert] === 1);
  return { experts, weights: softmaxOf(logits, experts, all).map((weight) => weight * rule.scale) };
};

const sigmoid = (
  rule: Extract<RoutingRule, { kind: 'sigmoid' }>,
  logits: Float32Array,
  topK: number,
  allowed: Uint8Array,
  correction: Float32Array | undefined,
): Choice => {
  const scores = Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
  const forChoice = scores.map((score, expert) => score + (correction?.[expert] ?? 0));
  const open = expertsWithinGroups(forChoice, rule.groups, 2, allowed);
  const experts = largest(forChoice, topK, (expert) => open[expert] === 1);
  const total = rule.normalise ? experts.reduce((sum, expert) => sum + scores[expert]!, TINY) : 1;
  return { experts, weights: experts.map((expert) => (scores[expert]! / total) * rule.scale) };
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

/** Allowed experts of the groups that may be chosen from: the best by the sum of their `top` best allowed scores. */
export const expertsWithinGroups = (
  scores: ArrayLike<number>,
  groups: ExpertGroups | null,
  top: number,
  allowed: Uint8Array,
): Uint8Array => {
  if (groups === null) return allowed;
  const size = scores.length / groups.count;
  const groupOf = (expert: number): number => Math.floor(expert / size);
  const worth = Float64Array.from({ length: groups.count }, (_, group) => {
    const best = largest(scores, top, (expert) => allowed[expert] === 1 && groupOf(expert) === group);
    return best.reduce((sum, expert) => sum + scores[expert]!, (top - best.length) * MASKED);
  });
  const open = largest(worth, groups.kept, () => true);
  return allowed.map((flag, expert) => (open.includes(groupOf(expert)) ? flag : 0));
};
