import type { SweepResult } from '../../main/contract/sweep.ts';
import { formatFactor, formatFixed, formatProbability, formatSigned } from '../../main/figures/numbers.ts';
import { methodTitle } from '../../main/figures/method-titles.ts';
import type { PointKey } from '../state/selection-store.ts';

export const pointKey = (run: string, { model, task, method, seed, factor }: SweepResult): PointKey => ({
  run,
  model,
  task,
  method,
  seed,
  factor,
});

export const isPoint = (result: SweepResult, point: PointKey): boolean =>
  result.model === point.model &&
  result.task === point.task &&
  result.method === point.method &&
  result.seed === point.seed &&
  result.factor === point.factor;

/** The same as text: equal keys, same point. */
export const resultKey = ({ model, task, method, seed, factor }: SweepResult): string =>
  JSON.stringify([model, task, method, seed, factor]);

const decimals = (result: Pick<SweepResult, 'metric'>): number => (result.metric === 'perplexity' ? 3 : 4);

export const pointTitle = (result: SweepResult): string =>
  `${methodTitle(result.method)}${result.seed === null ? '' : `, seed ${result.seed}`}, ${formatFactor(result.factor)}`;

/** Exact numbers of a point, one per line. */
export const pointLines = (result: SweepResult): readonly string[] => [
  `${result.metric} ${formatFixed(result.value, decimals(result))}, n ${result.n}, ` +
    `${formatFixed(result.kept, Number.isInteger(result.kept) ? 0 : 2)} experts kept`,
  `difference ${formatSigned(result.difference, decimals(result))} [${formatSigned(result.low, 4)}, ` +
    `${formatSigned(result.high, 4)}]`,
  `one-sided lower end ${formatSigned(result.lowOneSided, 4)}` +
    (typeof result.verdict === 'string' ? `: ${result.verdict}` : ''),
  ...(result.p === null ? [] : [`p ${formatProbability(result.p)}, lost ${result.lost}, gained ${result.gained}`]),
];
