import { z } from 'zod';
import { option } from '../../contract/plan.ts';
import { gateKinds } from '../../profile/routing-statistics.ts';
import { seededRandom } from '../../statistics/random.ts';
import { defineMethod, type DropBehaviour, type Method, NO_OPTIONS, type WrittenPage } from '../method.ts';
import {
  eanForms,
  eanSaliency,
  easyEpSaliency,
  frequencySaliency,
  gateMassSaliency,
  gateMassVariants,
  noviceSaliency,
  reapSaliency,
  unifiedSaliency,
} from '../saliency.ts';
import { averageScores, type Saliency } from '../weighed-profiles.ts';

/** Random experts: the baseline that every other method has to beat. */
export const random = defineMethod(
  {
    name: 'random',
    title: 'Random',
    summary: 'Keeps experts drawn at random, independently in every layer: the baseline of all other methods.',
    kind: 'drop',
    needs: 'nothing',
    cost: 'none',
    draws: true,
    formula: 'score(e) = uniform random number from the seed; the largest stay',
    source: 'Baseline of EEP (Liu et al. 2024, arXiv 2407.00945), which reports the mean over 30 random patterns.',
    defaults: 'seed 0; one draw per expert, so for one seed a larger factor keeps a subset of what a smaller one keeps',
    pitfalls: [
      'One seed says little: report mean and spread over several seeds.',
      'A seed gives the same experts in every run of this workbench, not in other tools, whose generators differ.',
    ],
  },
  NO_OPTIONS,
  () => ({
    kind: 'drop',
    extra: [],
    score: ({ seed, layers, experts }) => {
      const source = seededRandom(seed);
      return Array.from({ length: layers }, () => Float64Array.from({ length: experts }, () => source.float()));
    },
  }),
);

/** A saliency, the statistics beyond routing that it reads, and whether constants replace the experts that go. */
type Scored = Partial<Pick<DropBehaviour, 'extra' | 'leavesConstants'>> & { readonly saliency: Saliency };

/** A method that keeps the experts with the largest saliency in the profile. */
const scored = <S extends z.ZodObject>(
  page: Omit<WrittenPage, 'kind' | 'needs' | 'draws'>,
  options: S,
  behave: (options: z.output<S>) => Scored,
): Method =>
  defineMethod({ ...page, kind: 'drop', needs: 'routing', draws: false }, options, (given) => {
    const { saliency, ...rest } = behave(given);
    return { kind: 'drop', extra: [], score: (context) => averageScores(context, saliency), ...rest };
  });

/** Activation frequency: the one-shot baseline of the UNCURL paper. */
export const frequency = scored(
  {
    name: 'frequency',
    title: 'Activation frequency',
    summary: 'Keeps the experts that the router chooses most often on the task.',
    cost: 'none beyond the profile',
    formula: 'score(e) = n_e = number of tokens whose top-k contains e',
    source: 'Baseline of UNCURL (Sarkar et al. 2024, arXiv 2409.01483) and default criterion of the REAP repository.',
    defaults: "the model's own routing rule and top-k; padding never counts; ties go to the lower index",
    pitfalls: [
      'Usage misleads: rarely chosen experts can matter more for accuracy than their share of the tokens.',
      'M-SMoE and HC-SMoE count the top 2 of the raw logits whatever the top-k is; REAP counts padding where no mask ' +
        'is given, and its protection of super experts does not cover this criterion. Here none of this happens.',
      'Several tasks: each counts as its share per layer, so a long task does not outvote a short one.',
    ],
  },
  NO_OPTIONS,
  () => ({ saliency: frequencySaliency }),
);

/** Soft counts of experts. */
export const gateMass = scored(
  {
    name: 'gate-mass',
    title: 'Gate mass',
    summary: 'Keeps the experts that gather the most router probability on the task: a soft count.',
    cost: 'none beyond the profile',
    formula:
      'probability-all: sum over all tokens of p_e; probability-routed: over tokens routed to e only; renormalised: ' +
      'of p_e / (sum of p over the chosen); combine-weight: of the weight that the model uses; count: of 1; p = ' +
      'softmax over all E logits',
    source:
      'SEER-MoE, Muzio et al. 2024, arXiv 2404.05089 (no official code; which tokens it sums over is not certain). ' +
      'probability-all is the routing score of HC-SMoE (S-prune), probability-routed a statistic of the REAP ' +
      'repository.',
    defaults: 'variant probability-all',
    pitfalls: [
      'The variants rank experts differently: name the one that you report.',
      'The REAP command line offers weighted_frequency_sum, but its statistic has another name: the ' +
        'documented value ends in an error there.',
      'For sigmoid routers p is still the softmax of the logits; combine-weight follows the model.',
    ],
  },
  z.object({
    variant: option(
      z.enum(gateMassVariants).default('probability-all'),
      'Which probabilities are summed: over all tokens, over the routed ones, renormalised over the chosen, ' +
        'the combine weight of the model, or plain counts.',
    ),
  }),
  ({ variant }) => ({ saliency: (statistics, layer) => gateMassSaliency(statistics, layer, variant) }),
);

/** Expert activation norm. */
export const ean = scored(
  {
    name: 'ean',
    title: 'Expert activation norm',
    summary: 'Keeps the experts whose outputs, before their gate, are largest over the tokens routed to them.',
    cost:
      'none beyond the profile; for the form ca every expert runs on every calibration token (E / K times the ' +
      'work of the MoE layers)',
    formula: 'sum: sum over tokens routed to e of ||f_e(x)||_2; mean: that over n_e; ca: ||mean of f_e(x)||_2',
    source:
      'MC-Suite, Jaiswal et al. 2025, arXiv 2504.05586; the three forms as ean_sum, ean_mean and ean_ca of ' +
      'the CerebrasResearch/reap repository.',
    defaults: 'form sum; the shared expert is not part of f_e',
    pitfalls: [
      'The sum follows usage, the mean does not: rarely chosen experts rank high by the mean on few tokens.',
      'Norms grow with depth: across layers only shares of a layer are compared (global budget).',
      'In ca, outputs that point in all directions cancel out: an expert with many tasks looks small.',
    ],
  },
  z.object({
    form: option(
      z.enum(eanForms).default('sum'),
      'Sum of output norms, their mean, or the norm of the mean output (ca).',
    ),
  }),
  ({ form }) => ({
    extra: form === 'ca' ? ['routed-outputs'] : [],
    saliency: (statistics, layer) => eanSaliency(statistics, layer, form),
  }),
);

/** Router-weighted expert activation pruning. */
export const reap = scored(
  {
    name: 'reap',
    title: 'REAP',
    summary: 'Keeps the experts whose gated outputs are largest on average over the tokens routed to them.',
    cost: 'none beyond the profile, which includes the norms of chosen experts',
    formula:
      'score(e) = (1 / n_e) * sum over tokens routed to e of g_e(x) * ||f_e(x)||_2; 0 where n_e = 0; the sum ' +
      'form is n_e times that',
    source:
      'Lasby et al. 2025, arXiv 2510.13999; checked against the statistics of the CerebrasResearch/reap repository.',
    defaults:
      'gate own: the combine weight that the model itself uses (renormalised over the top-k only where the ' +
      'model does); form mean',
    pitfalls: [
      'A mean over few tokens is noisy: a rarely chosen expert can rank high by chance.',
      'The published code takes the top-k of the logits and softmax weights for every family, also where ' +
        'routers are sigmoids, limited to groups or corrected by a bias: its numbers differ there from these.',
      'main.py renormalises only where the model does, layerwise_prune.py always: gate renormalised is the latter.',
      "REAM's re-implementation never renormalises and averages means of batches without their counts.",
      'Norms grow with depth: across layers only shares of a layer are compared (global budget).',
      'REAP at factor 2 keeps nearly all of one model and little of another: look at the curve of your model.',
    ],
  },
  z.object({
    gate: option(
      z.enum(gateKinds).default('own'),
      "Gate: the model's own combine weight, the softmax over all experts (probability), or that over its " +
        'sum over the chosen (renormalised).',
    ),
    form: option(z.enum(['mean', 'sum']).default('mean'), 'Mean over the tokens routed to the expert, or their sum.'),
  }),
  ({ gate, form }) => ({ saliency: (statistics, layer) => reapSaliency(statistics, layer, gate, form) }),
);

/** Mean activation norm: S(1, 0, 1). */
export const man = scored(
  {
    name: 'man',
    title: 'MAN',
    summary:
      'Keeps the experts whose outputs are longest on average, whatever their gate: for pruning without a ' +
      'task in mind.',
    cost: 'none beyond the profile',
    formula: 'score(e) = (1 / n_e) * sum over tokens routed to e of ||f_e(x)||_2 = S(1, 0, 1)',
    source:
      'arXiv 2606.15716, by the appendix of another paper that cites it; the same number as the mean form of EAN.',
    defaults: 'none to choose',
    pitfalls: [
      'The same ranking as ean with the form mean: a sweep of both measures the same twice.',
      'A mean over few tokens is noisy: an expert that one token chose can rank first.',
    ],
  },
  NO_OPTIONS,
  () => ({
    saliency: (statistics, layer) => unifiedSaliency(statistics, layer, { b: 1, alpha: 0, beta: 1, gate: 'own' }),
  }),
);

/** Mean squared activation norm: S(1, 0, 2). */
export const msan = scored(
  {
    name: 'msan',
    title: 'MSAN',
    summary: 'Keeps the experts whose outputs have the largest mean square, whatever their gate.',
    cost: 'none beyond the profile',
    formula: 'score(e) = (1 / n_e) * sum over tokens routed to e of ||f_e(x)||_2^2 = S(1, 0, 2)',
    source: 'arXiv 2606.15716, by the appendix of another paper that cites it.',
    defaults: 'none to choose',
    pitfalls: [
      'Squares make a few extreme outputs decide: super experts come first, and one outlier token can lift an expert.',
      'A mean over few tokens is noisy: an expert that one token chose can rank first.',
    ],
  },
  NO_OPTIONS,
  () => ({
    saliency: (statistics, layer) => unifiedSaliency(statistics, layer, { b: 1, alpha: 0, beta: 2, gate: 'own' }),
  }),
);

const exponent = z.union([z.literal(0), z.literal(1), z.literal(2)]);
/** The family that includes frequency, gate mass, EAN and REAP. */
export const unified = scored(
  {
    name: 'unified',
    title: 'Unified family S(b, alpha, beta)',
    summary:
      'Keeps experts by a product of powers of gate and output norm, summed or averaged: one formula for ' +
      'most criteria.',
    cost: 'none beyond the profile, which includes all sums',
    formula: 'S(b, alpha, beta)(e) = n_e^-b * sum over tokens routed to e of g^alpha * ||f_e(x)||^beta',
    source:
      'arXiv 2606.15716; its code was not available, and that b is the exponent of n_e is inferred from ' +
      'secondary sources.',
    defaults: 'b 0, alpha 2, beta 2 (its choice for a given task, beside (0, 1, 1)), gate own',
    pitfalls: [
      'frequency is (0, 0, 0), EAN (0, 0, 1) or (1, 0, 1), gate mass (0, 1, 0), REAP (1, 1, 1): a sweep of ' +
        'both measures the same twice.',
      'Squares give single tokens great weight: check the interval before trusting a difference.',
      'Which gate the paper means where the model does not renormalise is unclear: state which you used.',
    ],
  },
  z.object({
    b: option(
      z.union([z.literal(0), z.literal(1)]).default(0),
      '0: sum over the tokens routed to the expert; 1: mean.',
    ),
    alpha: exponent.default(2).describe('Exponent of the gate: 0, 1 or 2.'),
    beta: exponent.default(2).describe('Exponent of the output norm: 0, 1 or 2.'),
    gate: option(
      z.enum(gateKinds).default('own'),
      "Gate raised to alpha: the model's own, the softmax over all experts, or that renormalised over the chosen.",
    ),
  }),
  (member) => ({ saliency: (statistics, layer) => unifiedSaliency(statistics, layer, member) }),
);

/** EASY-EP: REAP's sum, each token weighted by how far the layer turns it. */
export const easyEp = scored(
  {
    name: 'easy-ep',
    title: 'EASY-EP',
    summary:
      'Keeps the experts with the largest gated outputs, weighting tokens by how far the routed experts turn them.',
    cost: 'one more number per token and layer: the cosine of the hidden state before and after the routed experts',
    formula:
      'score(e) = sum over tokens routed to e of g_e(x) * ||f_e(x)||_2 * max(0, 1 - cos(h, h + y)); h enters ' +
      'the layer (attention residual included), y is the sum of the routed experts, without shared ones',
    source:
      'Dong et al. 2025, arXiv 2504.06792; RUCAIBox/EASYEP. Several domains: each divided by its layer sum, ' +
      'then added, as in the paper.',
    defaults:
      "g with the router's scale, as the model applies it; the paper keeps 128 of 256 experts by 25 demonstrations",
    pitfalls: [
      'The published expert_selection.py does not run (a local import hides json), ' +
        'expert_selection_mix_domain.py uses a weight before it is set, and both are fixed to 58 layers of 256 ' +
        'experts. The formula is implemented here.',
      'The sum follows usage: seldom chosen experts rank low even where they turn their tokens far.',
    ],
  },
  NO_OPTIONS,
  () => ({ extra: ['residual'], saliency: easyEpSaliency }),
);

const moneSaliencies: Readonly<Record<'fusion' | 'frequency' | 'reap', Saliency>> = {
  fusion: noviceSaliency,
  frequency: frequencySaliency,
  reap: (statistics, layer) => reapSaliency(statistics, layer),
};

/** Mixture of novices and experts. */
export const mone = scored(
  {
    name: 'mone',
    title: 'MoNE',
    summary: 'Replaces experts by their mean output on calibration tokens, a constant, and keeps the whole router.',
    cost: 'outputs of every expert on every token while profiling',
    formula:
      'score(e) = sum of g over T_e * sqrt(sum_h var_h(f_e(x) over T_e)); a removed expert outputs mean(f_e(x) over ' +
      'T_e) with the weight that the router gives it',
    source: 'Zhang et al. 2025, arXiv 2507.00390 (ranking metric fusion); vLLM, design page on expert substitution.',
    defaults: 'rank fusion; several tasks: their statistics are weighted by their shares',
    pitfalls: [
      'The number of experts in the config stays: only the matrices of removed experts are saved.',
      'Layers may keep different numbers (budget global): the only form of export that allows that.',
      'vLLM reads such checkpoints in versions after 0.32 only; transformers, llama.cpp and ONNX exports do not. ' +
        'This workbench opens them again.',
      'A constant cannot be refitted: there is no recovery of such plans.',
      'An expert that no calibration token chose is replaced by 0.',
    ],
  },
  z.object({
    rank: option(
      z.enum(['fusion', 'frequency', 'reap']).default('fusion'),
      'Which experts stay: those with the largest product of use and spread of the output, the most often chosen, ' +
        'or those that REAP keeps.',
    ),
  }),
  ({ rank }) => ({ extra: ['routed-outputs'], saliency: moneSaliencies[rank], leavesConstants: true }),
);
