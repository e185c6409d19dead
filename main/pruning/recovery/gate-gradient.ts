import type { RoutingRule } from '../../checkpoint/descriptor.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { expertsWithinGroups, largest } from '../search/route-tokens.ts';

/**
 * Maps a token's router logits to experts and combine weights, and back: `backward` turns the derivatives of a loss by
 * the chosen weights into those by the logits, with the choice held fixed, and adds them to `into` [rows].
 */
export interface GateChoice {
  readonly experts: readonly number[];
  readonly weights: readonly number[];
  readonly backward: (byWeights: readonly number[], into: Float64Array) => void;
}

export type Gate = (logits: Float64Array) => GateChoice;

/** Keeps a sum of weights from dividing by zero, as the routing rule itself does. */
const TINY = 1e-20;

export interface GateSettings {
  readonly rule: RoutingRule;
  readonly topK: number;
  /** Expert that each row of the router leads to; several rows may share one. */
  readonly expertOf: readonly number[];
  /** Whether probabilities of the rows of one expert are summed before experts are chosen. */
  readonly isSummed: boolean;
  /** Correction of a sigmoid router, per row. */
  readonly correction?: ArrayLike<number> | undefined;
}

/**
 * The family's own rule with its derivative; null where it has none here (SparseMixer's second choice depends on a
 * threshold relative to the first). Ties go to the lower row.
 */
export const gateOf = (settings: GateSettings): Gate | null => {
  const { rule } = settings;
  switch (rule.kind) {
    case 'softmax-chosen':
      return softmaxOfChosen(settings, 1, null);
    case 'softmax-all':
      if (settings.isSummed) return softmaxOfSums(settings, rule);
      return rule.normalise ? softmaxOfChosen(settings, rule.scale, rule.groups) : softmaxOfAll(settings, rule);
    case 'sigmoid':
      return sigmoid(settings, rule);
    case 'sparsemixer':
      return null;
  }
};

type SoftmaxRule = Extract<RoutingRule, { kind: 'softmax-all' }>;
type SigmoidRule = Extract<RoutingRule, { kind: 'sigmoid' }>;

const everyRow = (logits: Float64Array): Uint8Array => new Uint8Array(logits.length).fill(1);

/** w_i = scale * softmax over the chosen; dw_i / dz_j = w_i (1[i = j] - w_j / scale). */
const softmaxOfChosen =
  ({ topK, expertOf }: GateSettings, scale: number, groups: SoftmaxRule['groups']): Gate =>
  (logits) => {
    const open = groups === null ? null : expertsWithinGroups(logits, groups, 1, everyRow(logits));
    const rows = largest(logits, topK, (row) => open === null || open[row] === 1);
    const top = logits[rows[0]!]!;
    const powers = rows.map((row) => Math.exp(logits[row]! - top));
    const total = powers.reduce((sum, power) => sum + power, 0);
    const shares = powers.map((power) => power / total);
    return {
      experts: rows.map((row) => expertOf[row]!),
      weights: shares.map((share) => share * scale),
      backward: (byWeights, into) => {
        const mean = shares.reduce((sum, share, slot) => sum + share * byWeights[slot]!, 0);
        rows.forEach((row, slot) => (into[row]! += scale * shares[slot]! * (byWeights[slot]! - mean)));
      },
    };
  };

const softmax = (logits: Float64Array): Float64Array => {
  const top = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const powers = logits.map((logit) => Math.exp(logit - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
};

/** dz_r = p_r (g_r - sum p g) for the derivatives g by probabilities. */
const throughSoftmax = (
  probabilities: Float64Array,
  byProbability: (row: number) => number,
  into: Float64Array,
): void => {
  let mean = 0;
  for (let row = 0; row < into.length; row++) mean += probabilities[row]! * byProbability(row);
  for (let row = 0; row < into.length; row++) into[row]! += probabilities[row]! * (byProbability(row) - mean);
};

/** w_i = scale * p_i of a softmax over all rows. */
const softmaxOfAll =
  ({ topK, expertOf }: GateSettings, { scale, groups }: SoftmaxRule): Gate =>
  (logits) => {
    const open = groups === null ? null : expertsWithinGroups(logits, groups, 1, everyRow(logits));
    const rows = largest(logits, topK, (row) => open === null || open[row] === 1);
    const probabilities = softmax(logits);
    return {
      experts: rows.map((row) => expertOf[row]!),
      weights: rows.map((row) => scale * probabilities[row]!),
      backward: (byWeights, into) => {
        throughSoftmax(probabilities, (row) => (rows.includes(row) ? scale * byWeights[rows.indexOf(row)]! : 0), into);
      },
    };
  };

/** Experts chosen by q_e, the sum of p over their rows; w_e = q_e, or q_e over the sum of the chosen. */
const softmaxOfSums = ({ topK, expertOf }: GateSettings, { normalise }: SoftmaxRule): Gate => {
  const experts = maxOf(expertOf) + 1;
  return (logits) => {
    const probabilities = softmax(logits);
    const sums = new Float64Array(experts);
    probabilities.forEach((probability, row) => (sums[expertOf[row]!]! += probability));
    const chosen = largest(sums, topK, () => true);
    const total = normalise ? chosen.reduce((sum, expert) => sum + sums[expert]!, 0) : 1;
    return {
      experts: chosen,
      weights: chosen.map((expert) => sums[expert]! / total),
      backward: (byWeights, into) => {
        const mean = normalise
          ? chosen.reduce((sum, expert, slot) => sum + (sums[expert]! / total) * byWeights[slot]!, 0)
          : 0;
        const bySum = new Float64Array(experts);
        chosen.forEach((expert, slot) => (bySum[expert] = (byWeights[slot]! - mean) / total));
        throughSoftmax(probabilities, (row) => bySum[expertOf[row]!]!, into);
      },
    };
  };
};

/** Chosen by s + correction, s = sigmoid(z); w_i = scale s_i, or scale s_i / (sum of the chosen + tiny). */
const sigmoid =
  ({ topK, expertOf, correction }: GateSettings, { normalise, scale, groups }: SigmoidRule): Gate =>
  (logits) => {
    const scores = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    const forChoice = scores.map((score, row) => score + (correction?.[row] ?? 0));
    const open = groups === null ? null : expertsWithinGroups(forChoice, groups, 2, everyRow(logits));
    const rows = largest(forChoice, topK, (row) => open === null || open[row] === 1);
    const total = normalise ? rows.reduce((sum, row) => sum + scores[row]!, TINY) : 1;
    return {
      experts: rows.map((row) => expertOf[row]!),
      weights: rows.map((row) => (scale * scores[row]!) / total),
      backward: (byWeights, into) => {
        const mean = normalise
          ? rows.reduce((sum, row, slot) => sum + (scores[row]! / total) * byWeights[slot]!, 0)
          : 0;
        rows.forEach((row, slot) => {
          const score = scores[row]!;
          into[row]! += (score * (1 - score) * scale * (byWeights[slot]! - mean)) / total;
        });
      },
    };
  };
