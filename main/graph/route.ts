import type { ExpertGroups, RoutingRule } from '../checkpoint/descriptor.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import { tensor } from './weights.ts';

/** Scores of experts outside the chosen groups: below every masked expert (-1e9 + anything). */
const OUTSIDE = -3e38;
/** Keeps a sum of weights from dividing by zero, as DeepSeek-V3's own code does. */
const TINY = 1e-20;

/** Chosen rows of the router and their combine weights, [T, K] each, by decreasing weight, then by index. */
export interface Choice {
  readonly rows: Value;
  readonly weights: Value;
}

/**
 * A family's routing rule over logits [T, E] and a mask [E] (0 keeps, -1e9 drops). The mask is added where the rule
 * selects: to the logits, or for sigmoid routers to the scores for choice, since a masked logit would give score 0 plus
 * a bias that can still win.
 */
export const route = (graph: OnnxGraph, rule: RoutingRule, topK: number, logits: Value, mask: Value): Choice => {
  switch (rule.kind) {
    case 'softmax-chosen': {
      const { values, rows } = largest(graph, graph.node('Add', [logits, mask]), topK);
      return { rows, weights: graph.node('Softmax', [values], { axis: -1 }) };
    }
    case 'softmax-all':
      return softmaxAll(graph, rule, topK, graph.node('Add', [logits, mask]));
    case 'sigmoid':
      return sigmoid(graph, rule, topK, logits, mask);
    case 'sparsemixer':
      return sparsemixer(graph, rule.jitter, graph.node('Add', [logits, mask]));
  }
};

/**
 * The K largest masked logits are the K largest probabilities (the softmax is monotonic, and logits may differ where
 * probabilities round to equal values); with groups, the best group is the one with the largest logit.
 */
const softmaxAll = (
  graph: OnnxGraph,
  rule: Extract<RoutingRule, { kind: 'softmax-all' }>,
  topK: number,
  masked: Value,
): Choice => {
  const candidates = rule.groups === null ? masked : withinGroups(graph, masked, rule.groups, 1);
  const { values, rows } = largest(graph, candidates, topK);
  if (rule.normalise)
    return { rows, weights: scaled(graph, graph.node('Softmax', [values], { axis: -1 }), rule.scale) };
  const probabilities = graph.node('Softmax', [masked], { axis: -1 });
  return {
    rows,
    weights: scaled(graph, graph.node('GatherElements', [probabilities, rows], { axis: -1 }), rule.scale),
  };
};

const sigmoid = (
  graph: OnnxGraph,
  rule: Extract<RoutingRule, { kind: 'sigmoid' }>,
  topK: number,
  logits: Value,
  mask: Value,
): Choice => {
  const scores = graph.node('Sigmoid', [logits]);
  const forChoice = graph.node('Add', [graph.node('Add', [scores, tensor(graph, rule.correction)]), mask]);
  const candidates = rule.groups === null ? forChoice : withinGroups(graph, forChoice, rule.groups, 2);
  const { rows: byChoice } = largest(graph, candidates, topK);
  const { rows, weights: chosen } = byWeight(
    graph,
    byChoice,
    graph.node('GatherElements', [scores, byChoice], { axis: -1 }),
    topK,
  );
  return { rows, weights: scaled(graph, rule.normalise ? normalised(graph, chosen, TINY) : chosen, rule.scale) };
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
    const distance = graph.node('Div', [graph.node('Sub', [best, masked]), graph.node('Max', [magnitude, best])]);
    const far = graph.node('Greater', [distance, graph.float(2 * jitter)]);
    const near = graph.node('Where', [far, graph.float(OUTSIDE), open]);
    return {
      row,
      weight: graph.node('GatherElements', [graph.node('Softmax', [near], { axis: -1 }), row], { axis: -1 }),
    };
  };
  const first = pick(masked);
  const second = pick(
    graph.node('ScatterElements', [masked, first.row, filled(graph, first.row, OUTSIDE)], { axis: -1 }),
  );
  const both = (one: Value, other: Value): Value => graph.node('Concat', [one, other], { axis: -1 });
  return byWeight(graph, both(first.row, second.row), both(first.weight, second.weight), 2);
};

/** Chosen rows by decreasing weight; equal weights stay in the order in which they were chosen. */
const byWeight = (graph: OnnxGraph, rows: Value, weights: Value, topK: number): Choice => {
  const { values, rows: order } = largest(graph, weights, topK);
  return { rows: graph.node('GatherElements', [rows, order], { axis: -1 }), weights: values };
};

/** Scores [T, E] with the minimum outside the best groups; a group's score is the sum of its `top` best. */
const withinGroups = (graph: OnnxGraph, scores: Value, { count, kept }: ExpertGroups, top: number): Value => {
  const grouped = graph.node('Reshape', [scores, graph.integers([0, count, -1])]);
  const best = largest(graph, grouped, top).values;
  const ofGroups = graph.node('ReduceSum', [best, graph.integers([-1])], { keepdims: 0 });
  const chosen = largest(graph, ofGroups, kept).rows;
  const nothing = filled(graph, ofGroups, 0);
  const open = graph.node('ScatterElements', [nothing, chosen, filled(graph, chosen, 1)], { axis: -1 });
  const isOpen = graph.node('Cast', [graph.node('Unsqueeze', [open, graph.integers([2])])], { to: DataType.BOOL });
  return graph.node('Reshape', [
    graph.node('Where', [isOpen, grouped, graph.float(OUTSIDE)]),
    graph.node('Shape', [scores]),
  ]);
};

/** The `count` largest along the last axis, in decreasing order; ties go to the lower index. */
export const largest = (
  graph: OnnxGraph,
  values: Value,
  count: number,
): { readonly values: Value; readonly rows: Value } => {
  const [found, rows] = graph.nodes('TopK', [values, graph.integers([count])], 2, { largest: 1, sorted: 1, axis: -1 });
  if (found === undefined || rows === undefined) throw new Error('TopK gives two outputs');
  return { values: found, rows };
};

/** Each row divided by its sum (+ `tiny`). */
export const normalised = (graph: OnnxGraph, weights: Value, tiny: number): Value => {
  const sum = graph.node('ReduceSum', [weights, graph.integers([-1])], { keepdims: 1 });
  return graph.node('Div', [weights, tiny === 0 ? sum : graph.node('Add', [sum, graph.float(tiny)])]);
};

const scaled = (graph: OnnxGraph, weights: Value, scale: number): Value =>
  scale === 1 ? weights : graph.node('Mul', [weights, graph.float(scale)]);

/** A float32 tensor of the shape of `like`, filled with one number. */
const filled = (graph: OnnxGraph, like: Value, value: number): Value =>
  graph.node('Expand', [graph.float(value), graph.node('Shape', [like])]);
