import { gateKinds, type RoutingStatistics } from '../profile/routing-statistics.ts';

/** Axes of a stored statistic: L layers, E experts, H hidden width, or a fixed number. */
export type Axis = 'L' | 'E' | 'H' | number;

/** A statistic as a file names it, and where it lies in memory. */
export interface StoredStatistic {
  /** Last part of the tensor's name. */
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly read: (statistics: RoutingStatistics) => Float64Array | undefined;
}

/** Sums that every profile holds. */
export const STATISTICS: readonly StoredStatistic[] = [
  { name: 'counts', axes: ['L', 'E'], read: ({ counts }) => counts },
  { name: 'gate_mass', axes: ['L', 'E'], read: ({ gateMass }) => gateMass },
  { name: 'probability_selected', axes: ['L', 'E'], read: ({ probabilitySelected }) => probabilitySelected },
  { name: 'probability_mass', axes: ['L', 'E'], read: ({ probabilityMass }) => probabilityMass },
  { name: 'ean_sum', axes: ['L', 'E'], read: ({ eanSum }) => eanSum },
  { name: 'reap_sum', axes: ['L', 'E'], read: ({ reapSum }) => reapSum },
  { name: 'ean_square_sum', axes: ['L', 'E'], read: ({ eanSquareSum }) => eanSquareSum },
  { name: 'gated_moments', axes: ['L', gateKinds.length, 2, 3, 'E'], read: ({ gatedMoments }) => gatedMoments },
  { name: 'logit_sum', axes: ['L', 'E'], read: ({ logitSum }) => logitSum },
  { name: 'logit_gram', axes: ['L', 'E', 'E'], read: ({ logitGram }) => logitGram },
  { name: 'probability_gram', axes: ['L', 'E', 'E'], read: ({ probabilityGram }) => probabilityGram },
  { name: 'coactivation', axes: ['L', 'E', 'E'], read: ({ coactivation }) => coactivation },
];

/** What a profile holds only where it was asked for. */
export const OPTIONAL_STATISTICS = {
  peakOutputs: { name: 'peak_outputs', axes: ['L', 'E'], read: ({ peakOutputs }) => peakOutputs },
  residualSum: { name: 'residual_sum', axes: ['L', 'E'], read: ({ residualSum }) => residualSum },
  routedSum: { name: 'routed_output_sum', axes: ['L', 'E', 'H'], read: ({ outputs }) => outputs?.routedSum },
  everywhereSum: { name: 'output_sum', axes: ['L', 'E', 'H'], read: ({ outputs }) => outputs?.everywhere?.sum },
  everywhereCosineSum: { name: 'output_cosine_sum', axes: ['L', 'E', 'E'], read: ({ outputs }) => outputs?.everywhere?.cosineSum },
  eliminationKept: { name: 'elimination_kept', axes: ['L', 'E', 'E'], read: ({ elimination }) => elimination?.kept },
  eliminationLoss: { name: 'elimination_loss', axes: ['L', 'E'], read: ({ elimination }) => elimination?.loss },
  eliminationSingle: { name: 'elimination_single', axes: ['L', 'E'], read: ({ elimination }) => elimination?.single },
  eliminationExhaustive: { name: 'elimination_exhaustive', axes: ['L', 'E'], read: ({ elimination }) => elimination?.exhaustive },
} as const satisfies Readonly<Record<string, StoredStatistic>>;
