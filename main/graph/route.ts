import type { ExpertGroups, RoutingRule, ScoreRule, TensorView } from '../checkpoint/descriptor.ts';
import { isSoftmaxOfChosen } from '../checkpoint/routing.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import { storedTensor, tensor } from './weights.ts';

/** Scores of experts outside the chosen groups: below every masked expert (-1e9 + anything). */
const OUTSIDE = -3e38;

/** More than the steps around all experts. */
const FAR = 1e6;

/** Chosen rows of the router and their combine weights, [T, K] each, by decreasing weight, then by index. */
export interface Choice {
  readonly rows: Value;
  readonly weights: Value;
}

/**
 * A family's routing rule over logits [T, E] and a mask [E] (0 keeps, -1e9 drops). The mask is added where the rule
 * selects: to logits, or to corrected scores, since a masked logit would give score 0 plus a bias that can still win;
 * a softmax takes it too, so that the dropped experts have no share in it (unless `gates` are the trained ones).
 * `ids`: numbers of the tokens [T] int64, for rules with a table.
 */
export const route = (
  graph: OnnxGraph,
  rule: RoutingRule,
  topK: number,
  logits: Value,
  mask: Value,
  ids: Value | null = null,
  gates?: 'trained',
): Choice => {
  if (rule.kind === 'sparsemixer') return sparsemixer(graph, rule.jitter, graph.add(logits, mask));
  if (rule.table !== null) return byTable(graph, rule, rule.table, topK, logits, mask, ids);
  const masked = graph.add(logits, mask);
  const forGates = gates === 'trained' ? logits : masked;
  const choice =
    rule.correction === null && (rule.score === 'softmax' || rule.score === 'logit') && rule.groups?.least !== 2
      ? byLogit(graph, rule, topK, masked, forGates)
      : byScore(graph, rule, topK, { logits, mask, forGates });
  if (rule.expertScale === null) return choice;
  const factors = graph.gather(tensor(graph, rule.expertScale), choice.rows, 0);
  return byWeight(graph, choice.rows, graph.mul(choice.weights, factors), topK);
};

/**
 * The K largest masked logits are the K largest probabilities (the softmax is monotonic, and logits may differ where
 * probabilities round to equal values); with groups ranked by their best expert, the best one has the largest logit.
 */
const byLogit = (graph: OnnxGraph, rule: ScoreRule, topK: number, masked: Value, forGates: Value): Choice => {
  const candidates = rule.groups === null ? masked : withinGroups(graph, masked, rule.groups);
  const { values, rows } = largest(graph, candidates, topK);
  if (isSoftmaxOfChosen(rule))
    return { rows, weights: scaled(graph, graph.node('Softmax', [values], { axis: -1 }), rule.scale) };
  const chosen =
    rule.score === 'logit'
      ? values
      : graph.node('GatherElements', [graph.node('Softmax', [forGates], { axis: -1 }), rows], { axis: -1 });
  return { rows, weights: finished(graph, rule, chosen) };
};

const byScore = (
  graph: OnnxGraph,
  rule: ScoreRule,
  topK: number,
  { logits, mask, forGates }: Readonly<Record<'logits' | 'mask' | 'forGates', Value>>,
): Choice => {
  const scores = scoresOf(graph, rule, logits, forGates);
  const corrected = rule.correction === null ? scores : graph.add(scores, tensor(graph, rule.correction));
  const forChoice = graph.add(corrected, mask);
  const candidates = rule.groups === null ? forChoice : withinGroups(graph, forChoice, rule.groups);
  const { rows: byChoice } = largest(graph, candidates, topK);
  const { rows, weights: chosen } = byWeight(
    graph,
    byChoice,
    graph.node('GatherElements', [scores, byChoice], { axis: -1 }),
    topK,
  );
  return { rows, weights: finished(graph, rule, chosen) };
};

/**
 * The experts in the token's row of a table. A masked one becomes, from left to right, the next one that is not masked
 * (e + 1, e + 2, … around) and that the row does not hold yet, as an export rewrites the table.
 */
const byTable = (
  graph: OnnxGraph,
  rule: ScoreRule,
  table: TensorView,
  topK: number,
  logits: Value,
  mask: Value,
  ids: Value | null,
): Choice => {
  if (ids === null) throw new Error('a table of experts needs the numbers of the tokens');
  const gathered = graph.gather(storedTensor(graph, table), ids, 0);
  const stated = table.dtype === 'I64' ? gathered : graph.node('Cast', [gathered], { to: DataType.INT64 });
  const wholeMask = graph.node('Expand', [mask, graph.shape(logits)]);
  const count = graph.shape(logits, 1, 2);
  const numbers = graph.range(count);
  const float = (value: Value): Value => graph.node('Cast', [value], { to: DataType.FLOAT });
  const dropped = float(graph.node('Less', [wholeMask, graph.float(-1)]));
  const columns = Array.from({ length: topK }, (_, slot) => graph.slice(stated, slot, slot + 1, 1));
  const isDropped = (column: Value): Value => graph.node('GatherElements', [dropped, column], { axis: 1 });
  const marks = (column: Value): Value => float(graph.node('Equal', [column, numbers]));
  // [T, E] 1 where an expert may not be taken: it is masked, or held already.
  let closed = columns.reduce((so, column) => graph.node('Max', [so, marks(column)]), dropped);
  const chosen = columns.map((column) => {
    const steps = graph.node('Mod', [
      graph.add(graph.sub(numbers, column), graph.sub(count, graph.integers([1]))),
      count,
    ]);
    const distance = graph.add(float(steps), graph.mul(closed, graph.float(FAR)));
    const next = graph.node('ArgMin', [distance], { axis: 1, keepdims: 1 });
    const taken = graph.node('Where', [graph.node('Greater', [isDropped(column), graph.float(0)]), next, column]);
    closed = graph.node('Max', [closed, marks(taken)]);
    return taken;
  });
  const rows = graph.concat(chosen, 1);
  const scores = graph.node('GatherElements', [scoresOf(graph, rule, logits, graph.add(logits, mask)), rows], {
    axis: -1,
  });
  const ordered = byWeight(graph, rows, scores, topK);
  return { rows: ordered.rows, weights: finished(graph, rule, ordered.weights) };
};

/** `forGates`: logits of which a softmax is taken, where experts without a share in it are masked. */
const scoresOf = (graph: OnnxGraph, { score }: ScoreRule, logits: Value, forGates: Value): Value => {
  switch (score) {
    case 'softmax':
      return graph.node('Softmax', [forGates], { axis: -1 });
    case 'sigmoid':
      return graph.node('Sigmoid', [logits]);
    case 'sqrt-softplus':
      return graph.node('Sqrt', [graph.node('Softplus', [logits])]);
    case 'logit':
      return logits;
  }
};

/** Chosen scores [T, K] -> weights: what follows, the divisor, the scale. */
const finished = (graph: OnnxGraph, { after, renormalise, scale }: ScoreRule, chosen: Value): Value => {
  const followed =
    after === 'none'
      ? chosen
      : after === 'softmax'
        ? graph.node('Softmax', [chosen], { axis: -1 })
        : graph.node('Sigmoid', [chosen]);
  return scaled(graph, renormalise === null ? followed : normalised(graph, followed, renormalise), scale);
};

/**
 * SparseMixer-v2 at inference (arXiv 2409.12136 and Phi-3.5-MoE's own code): the largest logit, weighted by a softmax
 * over the logits within 2 * jitter of it (relative to the larger of the two magnitudes); then the same again without
 * it. The two weights do not sum to one.
 */
const sparsemixer = (graph: OnnxGraph, jitter: number, masked: Value): Choice => {
  const magnitude = graph.node('Abs', [masked]);
  /** `open`: logits that may still be chosen; thresholds are taken on the original ones. */
  const pick = (open: Value): { row: Value; weight: Value } => {
    const { values: best, rows: row } = largest(graph, open, 1);
    const distance = graph.div(graph.sub(best, masked), graph.node('Max', [magnitude, best]));
    const far = graph.node('Greater', [distance, graph.float(2 * jitter)]);
    const near = graph.node('Where', [far, graph.float(OUTSIDE), open]);
    return {
      row,
      weight: graph.node('GatherElements', [graph.node('Softmax', [near], { axis: -1 }), row], { axis: -1 }),
    };
  };
  const first = pick(masked);
  const second = pick(
    graph.node('ScatterElements', [masked, first.row, graph.filled(first.row, OUTSIDE)], { axis: -1 }),
  );
  const both = (left: Value, right: Value): Value => graph.concat([left, right], -1);
  return byWeight(graph, both(first.row, second.row), both(first.weight, second.weight), 2);
};

/** Chosen rows by decreasing weight; equal weights stay in the order in which they were chosen. */
const byWeight = (graph: OnnxGraph, rows: Value, weights: Value, topK: number): Choice => {
  const { values, rows: order } = largest(graph, weights, topK);
  return { rows: graph.node('GatherElements', [rows, order], { axis: -1 }), weights: values };
};

/** Scores [T, E] with the minimum outside the best groups; a group's score is the sum of its `least` best. */
const withinGroups = (graph: OnnxGraph, scores: Value, { count, kept, least }: ExpertGroups): Value => {
  const grouped = graph.reshape(scores, [0, count, -1]);
  const best = largest(graph, grouped, least).values;
  const ofGroups = graph.node('ReduceSum', [best, graph.integers([-1])], { keepdims: 0 });
  const chosen = largest(graph, ofGroups, kept).rows;
  const nothing = graph.filled(ofGroups, 0);
  const open = graph.node('ScatterElements', [nothing, chosen, graph.filled(chosen, 1)], { axis: -1 });
  const isOpen = graph.node('Cast', [graph.unsqueeze(open, [2])], { to: DataType.BOOL });
  return graph.reshape(graph.node('Where', [isOpen, grouped, graph.float(OUTSIDE)]), graph.shape(scores));
};

/** The `count` largest along the last axis, in decreasing order; ties go to the lower index. */
export const largest = (
  graph: OnnxGraph,
  values: Value,
  count: number,
): { readonly values: Value; readonly rows: Value } => {
  const [found, rows] = graph.nodes('TopK', [values, graph.integers([count])], 2, { largest: 1, sorted: 1, axis: -1 });
  return { values: found, rows };
};

/** Each row divided by its sum, to which epsilon is added, or which is at least epsilon. */
export const normalised = (
  graph: OnnxGraph,
  weights: Value,
  { epsilon, as }: NonNullable<ScoreRule['renormalise']>,
): Value => {
  const sum = graph.node('ReduceSum', [weights, graph.integers([-1])], { keepdims: 1 });
  const divisor = epsilon === 0 ? sum : graph.node(as === 'addend' ? 'Add' : 'Max', [sum, graph.float(epsilon)]);
  return graph.div(weights, divisor);
};

const scaled = (graph: OnnxGraph, weights: Value, scale: number): Value =>
  scale === 1 ? weights : graph.mul(weights, graph.float(scale));
