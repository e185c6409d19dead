import type { RoutingRule, ScoreRule } from '../../checkpoint/descriptor.ts';
import { softmax } from '../../arithmetic/vectors.ts';
import { gatesInput, isSoftmaxOfChosen } from '../../checkpoint/routing.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { divisorOf, expertsWithinGroups, largest, softplus } from '../search/route-tokens.ts';

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

export interface GateSettings {
  readonly rule: RoutingRule;
  readonly topK: number;
  /** Expert that each row of the router leads to; several rows may share one. */
  readonly expertOf: readonly number[];
  /** Whether probabilities of the rows of one expert are summed before experts are chosen. */
  readonly isSummed: boolean;
  /** Correction of the scores for the choice, per row. */
  readonly correction?: ArrayLike<number> | undefined;
}

/**
 * The family's own rule with its derivative; null where it has none here (SparseMixer's second choice depends on a
 * threshold relative to the first; weights on the input act within the experts). Ties go to the lower row.
 */
export const gateOf = (settings: GateSettings): Gate | null => {
  const { rule } = settings;
  if (rule.kind === 'sparsemixer' || gatesInput(rule) || rule.expertScale !== null) return null;
  if (settings.isSummed) return softmaxOfSums(settings, rule);
  if (isSoftmaxOfChosen(rule)) return softmaxOfChosen(settings, rule);
  return rule.score === 'softmax' ? softmaxOfAll(settings, rule) : ofEachLogit(settings, rule);
};

/** The rows chosen by these scores, best first, within the groups that may be chosen from. */
const chosenRows = (forChoice: Float64Array, { groups }: ScoreRule, topK: number): number[] => {
  const open = expertsWithinGroups(forChoice, groups, new Uint8Array(forChoice.length).fill(1));
  return largest(forChoice, topK, (row) => open[row] === 1);
};

/** w_i = scale * softmax over the chosen; dw_i / dz_j = w_i (1[i = j] - w_j / scale). */
const softmaxOfChosen =
  ({ topK, expertOf }: GateSettings, rule: ScoreRule): Gate =>
  (logits) => {
    const { scale } = rule;
    const rows = chosenRows(logits, rule, topK);
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

/**
 * The part of the derivatives by w = scale s / divisor that all chosen scores s share: a divisor that is their sum
 * (plus epsilon) depends on each, one at its floor on none. ds = scale (dw - mean) / divisor.
 */
const meanOf = (
  { renormalise }: ScoreRule,
  chosen: readonly number[],
  divisor: number,
  byWeights: readonly number[],
): number =>
  renormalise !== null && (renormalise.as === 'addend' || divisor > renormalise.epsilon)
    ? chosen.reduce((sum, score, slot) => sum + (score / divisor) * byWeights[slot]!, 0)
    : 0;

/** A softmax over all rows, chosen by p + correction: w_i = scale p_i, or scale p_i / divisor. */
const softmaxOfAll =
  ({ topK, expertOf, correction }: GateSettings, rule: ScoreRule): Gate =>
  (logits) => {
    const probabilities = softmax(logits);
    const forChoice = correction === undefined ? logits : probabilities.map((share, row) => share + correction[row]!);
    const rows = chosenRows(forChoice, rule, topK);
    const chosen = rows.map((row) => probabilities[row]!);
    const divisor = divisorOf(rule, chosen);
    return {
      experts: rows.map((row) => expertOf[row]!),
      weights: chosen.map((share) => (rule.scale * share) / divisor),
      backward: (byWeights, into) => {
        const mean = meanOf(rule, chosen, divisor, byWeights);
        const byChosen = byWeights.map((byWeight) => (rule.scale * (byWeight - mean)) / divisor);
        throughSoftmax(probabilities, (row) => byChosen[rows.indexOf(row)] ?? 0, into);
      },
    };
  };

/** Experts chosen by q_e, the sum of p over their rows; w_e = q_e, or q_e over the sum of the chosen. */
const softmaxOfSums = ({ topK, expertOf }: GateSettings, { renormalise }: ScoreRule): Gate => {
  const normalise = renormalise !== null;
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

/** A score s of a logit and its derivative; where the weight follows as a sigmoid of the logit, that sigmoid. */
const scoreOf = ({ score, after }: ScoreRule, logit: number): { readonly value: number; readonly slope: number } => {
  const sigmoid = 1 / (1 + Math.exp(-logit));
  if (score === 'sigmoid' || after === 'sigmoid') return { value: sigmoid, slope: sigmoid * (1 - sigmoid) };
  if (score === 'logit') return { value: logit, slope: 1 };
  const value = Math.sqrt(softplus(logit));
  return { value, slope: sigmoid / (2 * value) };
};

/** Chosen by s + correction, s a function of the row's own logit; w_i = scale s_i, or scale s_i / divisor. */
const ofEachLogit =
  ({ topK, expertOf, correction }: GateSettings, rule: ScoreRule): Gate =>
  (logits) => {
    const scores = Array.from(logits, (logit) => scoreOf(rule, logit));
    const forChoice = Float64Array.from(scores, ({ value }, row) => value + (correction?.[row] ?? 0));
    const rows = chosenRows(forChoice, rule, topK);
    const chosen = rows.map((row) => scores[row]!.value);
    const divisor = divisorOf(rule, chosen);
    return {
      experts: rows.map((row) => expertOf[row]!),
      weights: chosen.map((score) => (rule.scale * score) / divisor),
      backward: (byWeights, into) => {
        const mean = meanOf(rule, chosen, divisor, byWeights);
        rows.forEach((row, slot) => {
          into[row]! += (scores[row]!.slope * rule.scale * (byWeights[slot]! - mean)) / divisor;
        });
      },
    };
  };
