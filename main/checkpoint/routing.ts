import type { BlockDescriptor, MoeDescriptor, RoutingRule, ScoreRule, TensorView } from './descriptor.ts';

/** Whether the weights are a softmax over the chosen logits: also what a softmax over all becomes when renormalised. */
export const isSoftmaxOfChosen = ({ score, correction, after, renormalise }: ScoreRule): boolean =>
  score === 'logit'
    ? after === 'softmax'
    : score === 'softmax' && correction === null && renormalise?.as === 'addend' && renormalise.epsilon === 0;

/** Whether the weights are probabilities over all experts, so that those of several rows can be summed. */
export const isPlainSoftmax = (rule: RoutingRule): rule is ScoreRule =>
  rule.kind === 'scores' &&
  rule.score === 'softmax' &&
  rule.correction === null &&
  rule.table === null &&
  rule.groups === null &&
  rule.expertScale === null;

/** Whether a softmax of the logits alone decides, so that a row of the router can stand for several. */
export const hasPlainRows = (rule: RoutingRule): boolean =>
  rule.kind === 'sparsemixer' ||
  (rule.correction === null &&
    rule.table === null &&
    rule.groups === null &&
    rule.expertScale === null &&
    (rule.score === 'softmax' || rule.after === 'softmax'));

/** Whether a token's combine weights sum to a constant, so that pruning cannot scale up the routed branch. */
export const isNormalised = (rule: RoutingRule): boolean =>
  rule.kind === 'scores' && (rule.after === 'softmax' || rule.renormalise !== null);

/**
 * Whether deleting rows of the router makes the weights of the other experts grow: each is a probability over all
 * experts, so that every one is divided by the probability that was kept. A norm of the routed sum alone takes the
 * factor out again.
 */
export const gatesGrow = ({
  moe,
  branchNorms,
  beside,
}: Pick<BlockDescriptor, 'moe' | 'branchNorms' | 'beside'>): boolean =>
  moe !== null &&
  moe.routing.kind === 'scores' &&
  moe.routing.score === 'softmax' &&
  moe.routing.after === 'none' &&
  moe.routing.renormalise === null &&
  moe.routing.table === null &&
  moe.routing.gate === 'output' &&
  beside === null &&
  (branchNorms === null || moe.shared !== null);

/** Whether weights multiply the experts' inputs. */
export const gatesInput = (rule: RoutingRule): boolean => rule.kind === 'scores' && rule.gate === 'input';

/** Factors of the experts' weights, if there are any. */
export const expertScaleOf = (rule: RoutingRule): TensorView | null =>
  rule.kind === 'scores' ? rule.expertScale : null;

/** Tensor of the router's correction, if there is one. */
export const correctionOf = (rule: RoutingRule): TensorView | null => (rule.kind === 'scores' ? rule.correction : null);

/** Tensors with a row, or a number, for each row of the router: those of which trained gates need all. */
export const routerTensors = ({ router, routerBias, routing }: MoeDescriptor): readonly TensorView[] =>
  [router, routerBias, correctionOf(routing), expertScaleOf(routing)].flatMap((view) => view ?? []);

/** Whether rows of dropped experts can become rows of experts that give back their input, and are never chosen. */
export const takesIdentityRows = ({ identities, routing }: MoeDescriptor): boolean =>
  identities > 0 && correctionOf(routing) !== null;

/** Table of the experts of each token, if they are not chosen by scores. */
export const tableOf = (rule: RoutingRule): TensorView | null => (rule.kind === 'scores' ? rule.table : null);
