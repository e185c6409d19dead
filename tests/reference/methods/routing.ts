import { expect } from 'vitest';
import { z } from 'zod';
import type { RoutingRule, TensorView } from '../../../main/checkpoint/descriptor.ts';
import { multiply } from '../../../main/graph/linear.ts';
import { route } from '../../../main/graph/route.ts';
import { routeTokens } from '../../../main/pruning/search/route-tokens.ts';
import { chosenRule, sigmoidRule, softmaxRule } from '../../main/checkpoint/routing-rules.ts';
import { runGraph, type Matrix } from './run-graph.ts';
import { expectClose, float32, tensor, tolerance, type Tensor } from './vector-file.ts';

interface Routed {
  /** [T, K] each. */
  readonly experts: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
}

type Rule = (correction: TensorView | null) => RoutingRule;

interface Request {
  readonly rule: Rule;
  readonly topK: number;
  readonly experts: number;
  readonly logits: Float32Array;
  readonly correction?: Tensor;
  readonly kept?: readonly number[];
}

/** Routing by the graph that models run, compared with plain code that tries subsets of experts. */
const routed = async ({ rule, topK, experts, logits, correction, kept }: Request): Promise<Routed> => {
  const tokens = logits.length / experts;
  const tensors: Record<string, Matrix> = { unused: { shape: [1], data: Float32Array.of(0) } };
  if (correction !== undefined) tensors['correction'] = { shape: [experts], data: float32(correction) };
  let known: RoutingRule | undefined;
  const result = await runGraph({
    tensors,
    inputs: {
      logits: { shape: [tokens, experts], data: logits },
      mask: {
        shape: [experts],
        data: Float32Array.from({ length: experts }, (_, expert) =>
          kept === undefined || kept.includes(expert) ? 0 : -1e9,
        ),
      },
    },
    build: (graph, inputs, view) => {
      known = rule(correction === undefined ? null : view('correction'));
      const { logits: given, mask } = inputs;
      if (given === undefined || mask === undefined) throw new Error('inputs are missing');
      const choice = route(graph, known, topK, given, mask);
      return { floats: { weights: [choice.weights, 2] }, integers: { rows: [choice.rows, 2] } };
    },
  });
  if (known === undefined) throw new Error('no rule');
  const allowed = Uint8Array.from({ length: experts }, (_, expert) =>
    kept === undefined || kept.includes(expert) ? 1 : 0,
  );
  const plain = routeTokens(known, logits, experts, topK, correction === undefined ? undefined : float32(correction));
  const answers = Array.from({ length: tokens }, (_, token) => {
    const row = (values: ArrayLike<number>): number[] =>
      Array.from({ length: topK }, (_slot, slot) => values[token * topK + slot]!);
    const ours = { experts: row(result.rows), weights: row(result.weights) };
    const inPlain = byExpert(plain(token, allowed));
    expect(inPlain.experts, `plain code, token ${token}`).toEqual(byExpert(ours).experts);
    expectClose(inPlain.weights, byExpert(ours).weights, { rtol: 1e-5, atol: 1e-7 }, `plain code, token ${token}`);
    return ours;
  });
  return { experts: answers.map((answer) => answer.experts), weights: answers.map(({ weights }) => weights) };
};

const byExpert = ({
  experts,
  weights,
}: {
  readonly experts: readonly number[];
  readonly weights: readonly number[];
}) => {
  const order = [...experts.keys()].sort((a, b) => experts[a]! - experts[b]!);
  return { experts: order.map((at) => experts[at]!), weights: order.map((at) => weights[at]!) };
};

const sorted = ({ experts, weights }: Routed): Routed => {
  const rows = experts.map((row, token) => byExpert({ experts: row, weights: weights[token]! }));
  return { experts: rows.map((row) => row.experts), weights: rows.map((row) => row.weights) };
};

const softmaxAll =
  (normalise: boolean, scale = 1, groups: { count: number; kept: number } | null = null): Rule =>
  () =>
    softmaxRule(normalise, scale, groups);
const sigmoid =
  (normalise: boolean, scale: number, groups: { count: number; kept: number } | null): Rule =>
  (correction) => {
    if (correction === null) throw new Error('a sigmoid router needs its correction');
    return sigmoidRule(normalise, scale, groups, correction);
  };

const conventionsFile = z.object({
  params: z.object({ E: z.number(), H: z.number(), top_k: z.number(), n_group: z.number(), topk_group: z.number() }),
  inputs: z.object({ logits: tensor, e_score_correction_bias: tensor, bias_minus_3: tensor, X: tensor, Wg: tensor }),
  expected: z.record(
    z.string(),
    z.object({
      experts_sorted_by_index: tensor.optional(),
      weights: tensor.optional(),
      experts_in_order: tensor.optional(),
      weights_in_order: tensor.optional(),
    }),
  ),
  tolerance,
});

/**
 * The rule described by a name in the file, with the number of experts if it is independent of the file's top-k; null
 * if the workbench deliberately follows another reading, as explained at each.
 */
const conventions = (
  name: string,
  groups: { count: number; kept: number },
): {
  readonly rule: Rule;
  readonly bias?: 'plain' | 'minus-3';
  readonly logitBias?: true;
  readonly topK?: number;
} | null => {
  const scale = Number(/(?:routed_scaling_factor|scale)[= ]([\d.]+\d)/.exec(name)?.[1] ?? 1);
  const normalise = name.includes('norm=True') || name.includes('norm_topk_prob=True');
  if (name.startsWith('softmax_all_topk_renorm')) return { rule: softmaxAll(true) };
  if (name.startsWith('softmax_all_topk_raw')) return { rule: softmaxAll(false) };
  if (name.startsWith('topk_then_softmax (gpt_oss')) return { rule: () => chosenRule, logitBias: true };
  if (name.startsWith('topk_then_softmax')) return { rule: () => chosenRule };
  if (name.startsWith('sparsemixer')) return { rule: () => ({ kind: 'sparsemixer', jitter: 0.01 }), topK: 2 };
  if (name.startsWith('deepseek_v3 sigmoid+bias')) return { rule: sigmoid(normalise, scale, groups), bias: 'plain' };
  if (name.startsWith('deepseek_v3 official demo Gate with bias-3'))
    return { rule: sigmoid(true, scale, groups), bias: 'minus-3' };
  if (name.startsWith('deepseek_v3 official demo Gate')) return { rule: sigmoid(true, scale, groups), bias: 'plain' };
  // Older transformers fill excluded groups with 0.0, which exceeds negative corrected scores; DeepSeek's own code does
  // not.
  if (name.startsWith('deepseek_v3 with bias-3')) return null;
  // The remote code leaves the scale out when it normalises; the library never normalises, and the checkpoints agree
  // with it.
  if (name.startsWith('deepseek_v2'))
    return { rule: softmaxAll(normalise, normalise ? 1 : scale, name.includes('group_limited') ? groups : null) };
  if (name.startsWith('glm4_moe')) return { rule: sigmoid(true, 1, null), bias: 'plain' };
  throw new Error(`no routing rule is known for "${name}"`);
};

/** Logits -> chosen experts and weights by the rule of every family. */
export const routerConventionsVectors = async (json: unknown): Promise<void> => {
  const { params, inputs, expected, tolerance: within } = conventionsFile.parse(json);
  const fromStates = await stateLogits(inputs.X, inputs.Wg);
  for (const [name, theirs] of Object.entries(expected)) {
    const known = conventions(name, { count: params.n_group, kept: params.topk_group });
    if (known === null) continue;
    const plain = name.includes('from hidden states') ? fromStates : float32(inputs.logits);
    const bias = inputs.e_score_correction_bias;
    const ours = await routed({
      rule: known.rule,
      topK: known.topK ?? params.top_k,
      experts: params.E,
      logits: known.logitBias === true ? plain.map((logit, at) => logit + bias.data[at % params.E]!) : plain,
      ...(known.bias === undefined ? {} : { correction: known.bias === 'plain' ? bias : inputs.bias_minus_3 }),
    });
    if (theirs.experts_sorted_by_index !== undefined && theirs.weights !== undefined) {
      const { experts, weights } = sorted(ours);
      expect(experts.flat(), name).toEqual([...theirs.experts_sorted_by_index.data]);
      expectClose(weights.flat(), theirs.weights.data, within, name);
    } else if (theirs.experts_in_order !== undefined && theirs.weights_in_order !== undefined) {
      // The file lists them in the order of choice, the graph by decreasing weight.
      const pairs = (experts: readonly number[], weights: readonly number[]) =>
        sorted({
          experts: Array.from({ length: experts.length / 2 }, (_, token) => experts.slice(2 * token, 2 * token + 2)),
          weights: Array.from({ length: experts.length / 2 }, (_, token) => weights.slice(2 * token, 2 * token + 2)),
        });
      const wanted = pairs(theirs.experts_in_order.data, theirs.weights_in_order.data);
      expect(sorted(ours).experts, name).toEqual(wanted.experts);
      expectClose(sorted(ours).weights.flat(), wanted.weights.flat(), within, name);
    } else throw new Error(`${name}: nothing is expected`);
  }
};

/** X Wg^T by the graph. */
const stateLogits = async (states: Tensor, gate: Tensor): Promise<Float32Array> => {
  const { logits } = await runGraph({
    tensors: { gate: { shape: gate.shape, data: float32(gate) } },
    inputs: { states: { shape: states.shape, data: float32(states) } },
    build: (graph, inputs, view) => {
      const { states: given } = inputs;
      if (given === undefined) throw new Error('no states');
      return { floats: { logits: [multiply(graph, given, view('gate'), null), 2] }, integers: {} };
    },
  });
  return logits;
};

const choice = z.object({ experts: tensor, weights: tensor });
const pruningFile = z.object({
  params: z.object({ E: z.number(), n_group: z.number(), topk_group: z.number() }),
  inputs: z.object({ logits: tensor, e_score_correction_bias: tensor }),
  expected: z.record(
    z.string(),
    z.object({ kept: z.array(z.number()), before: choice, after_new_index: choice, after_old_index: tensor }),
  ),
  tolerance,
});

const pruned = (
  name: string,
  groups: { count: number; kept: number },
): { readonly rule: Rule; readonly corrected: boolean } => {
  if (name === 'softmax_topk_renorm') return { rule: softmaxAll(true), corrected: false };
  if (name === 'softmax_topk_raw') return { rule: softmaxAll(false), corrected: false };
  if (name === 'topk_softmax') return { rule: () => chosenRule, corrected: false };
  if (name.startsWith('deepseek_v3_groups')) return { rule: sigmoid(true, 2.5, groups), corrected: true };
  throw new Error(`no routing rule is known for "${name}"`);
};

/** Routing before and after deleting rows of experts, and with a mask instead: mask and deletion agree. */
export const routerPruningVectors = async (json: unknown): Promise<void> => {
  const { params, inputs, expected, tolerance: within } = pruningFile.parse(json);
  const { E } = params;
  const logits = float32(inputs.logits);
  const bias = inputs.e_score_correction_bias;
  for (const [name, { kept, before, after_new_index, after_old_index }] of Object.entries(expected)) {
    const { rule, corrected } = pruned(name, { count: params.n_group, kept: params.topk_group });
    const topK = before.experts.shape[1] ?? 0;
    const correctionOf = (experts: readonly number[]) =>
      corrected ? { correction: { shape: [experts.length], data: experts.map((expert) => bias.data[expert]!) } } : {};
    const all = Array.from({ length: E }, (_, expert) => expert);
    const same = async (request: Request, experts: Tensor, weights: Tensor, what: string): Promise<void> => {
      const ours = sorted(await routed(request));
      const theirs = sorted(rowsOf(experts, weights, topK));
      expect(ours.experts, what).toEqual(theirs.experts);
      expectClose(ours.weights.flat(), theirs.weights.flat(), within, what);
    };
    const full = { rule, topK, experts: E, logits, ...correctionOf(all) };
    await same(full, before.experts, before.weights, `${name}: before`);
    await same({ ...full, kept }, after_old_index, after_new_index.weights, `${name}: masked`);
    const tokens = logits.length / E;
    const rest = Float32Array.from(
      { length: tokens * kept.length },
      (_, at) => logits[Math.floor(at / kept.length) * E + kept[at % kept.length]!]!,
    );
    await same(
      { rule, topK, experts: kept.length, logits: rest, ...correctionOf(kept) },
      after_new_index.experts,
      after_new_index.weights,
      `${name}: rows deleted`,
    );
  }
};

const rowsOf = (experts: Tensor, weights: Tensor, topK: number): Routed => {
  const rows = (values: readonly number[]) =>
    Array.from({ length: values.length / topK }, (_, token) => values.slice(token * topK, (token + 1) * topK));
  return { experts: rows(experts.data), weights: rows(weights.data) };
};
