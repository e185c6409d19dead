import type { TensorView } from './descriptor.ts';

/** Score of an expert from its logit z; sqrt-softplus: sqrt(ln(1 + e^z)). */
export type Score = 'softmax' | 'sigmoid' | 'logit' | 'sqrt-softplus';

/** Experts are chosen from `kept` of `count` contiguous groups of equal size, ranked by the sum of their `least` best. */
export interface ExpertGroups {
  readonly count: number;
  readonly kept: number;
  readonly least: 1 | 2;
}

/**
 * The router of nearly every family: scores s of the logits; the K experts with the largest s + correction, within the
 * best groups; weights w = after(s of the chosen), divided by their sum, times `scale`. All in float32, whatever the
 * dtype of the router's weights.
 */
export interface ScoreRule {
  readonly kind: 'scores';
  readonly score: Score;
  /** E values, added to the scores for the choice only. */
  readonly correction: TensorView | null;
  readonly groups: ExpertGroups | null;
  /** A softmax over the chosen scores, or the sigmoid of each. */
  readonly after: 'none' | 'softmax' | 'sigmoid';
  /** The divisor: sum of the chosen weights + epsilon, or that sum, but at least epsilon; null: not divided. */
  readonly renormalise: { readonly epsilon: number; readonly as: 'addend' | 'floor' } | null;
  readonly scale: number;
  /** Whether a weight multiplies its expert's output, or the expert's input. */
  readonly gate: 'output' | 'input';
}

/** A family's routing in float32: the K experts of a token and their combine weights. */
export type RoutingRule =
  | ScoreRule
  /** Two experts, one after the other, each weighted by a softmax over the logits within 2 * jitter of the largest. */
  | { readonly kind: 'sparsemixer'; readonly jitter: number };

/** Whether the weights are a softmax over the chosen logits: also what a softmax over all becomes when renormalised. */
export const isSoftmaxOfChosen = ({ score, correction, after, renormalise }: ScoreRule): boolean =>
  score === 'logit'
    ? after === 'softmax'
    : score === 'softmax' && correction === null && renormalise?.as === 'addend' && renormalise.epsilon === 0;

/** Whether the weights are probabilities over all experts, so that those of several rows can be summed. */
export const isPlainSoftmax = (rule: RoutingRule): rule is ScoreRule =>
  rule.kind === 'scores' && rule.score === 'softmax' && rule.correction === null && rule.groups === null;

/** Whether a softmax of the logits alone decides, so that a row of the router can stand for several. */
export const hasPlainRows = (rule: RoutingRule): boolean =>
  rule.kind === 'sparsemixer' ||
  (rule.correction === null && rule.groups === null && (rule.score === 'softmax' || rule.after === 'softmax'));

/** Whether a token's combine weights sum to a constant, so that pruning cannot scale up the routed branch. */
export const isNormalised = (rule: RoutingRule): boolean =>
  rule.kind === 'scores' && (rule.after === 'softmax' || rule.renormalise !== null);

/** Whether weights multiply the experts' inputs. */
export const gatesInput = (rule: RoutingRule): boolean => rule.kind === 'scores' && rule.gate === 'input';

/** Tensor of the router's correction, if there is one. */
export const correctionOf = (rule: RoutingRule): TensorView | null => (rule.kind === 'scores' ? rule.correction : null);
