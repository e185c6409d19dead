import { emptyRoutingStatistics, type RoutingStatistics } from './routing-statistics.ts';

/**
 * Statistics beyond routing that a profile is asked for: `peaks` and `routed-outputs` look at the outputs of chosen
 * experts, `residual` at what each layer does to its tokens, `every-output` runs every expert on every token, and
 * `elimination` runs every expert too and then tries what the layer gives with experts left out.
 */
export const extraStatistics = ['peaks', 'routed-outputs', 'residual', 'every-output', 'elimination'] as const;
export type ExtraStatistic = (typeof extraStatistics)[number];

/** Whether a profile holds all of them. */
export const holdsExtras = (statistics: RoutingStatistics, extras: readonly ExtraStatistic[]): boolean => {
  const held: Readonly<Record<ExtraStatistic, boolean>> = {
    peaks: statistics.peakOutputs !== undefined,
    'routed-outputs': statistics.outputs !== undefined,
    residual: statistics.residualSum !== undefined,
    'every-output': statistics.outputs?.everywhere !== undefined,
    elimination: statistics.elimination !== undefined,
  };
  return extras.every((extra) => held[extra]);
};

/** Whether every expert must run on every token for these. */
export const runsEveryExpert = (extras: readonly ExtraStatistic[]): boolean =>
  extras.includes('routed-outputs') || extras.includes('every-output') || extras.includes('elimination');

/** Statistics of no token yet, with room for the extras. H: `hidden`. */
export const emptyStatistics = (
  layers: number,
  experts: number,
  topK: number,
  hidden: number,
  extras: readonly ExtraStatistic[],
): RoutingStatistics => {
  const matrix = (): Float64Array => new Float64Array(layers * experts);
  const square = (): Float64Array => new Float64Array(layers * experts * experts);
  const outputs = (): Float64Array => new Float64Array(layers * experts * hidden);
  const everywhere = extras.includes('every-output');
  return {
    ...emptyRoutingStatistics(layers, experts, topK),
    ...(extras.includes('peaks') ? { peakOutputs: matrix() } : {}),
    ...(extras.includes('residual') ? { residualSum: matrix() } : {}),
    ...(everywhere || extras.includes('routed-outputs')
      ? { outputs: { hidden, routedSum: outputs(), ...(everywhere ? { everywhere: { sum: outputs(), cosineSum: square() } } : {}) } }
      : {}),
    ...(extras.includes('elimination')
      ? { elimination: { kept: square(), loss: matrix(), single: matrix(), exhaustive: matrix() } }
      : {}),
  };
};
