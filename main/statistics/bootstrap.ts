import { refuse } from '../contract/errors.ts';
import { seededRandom } from './random.ts';

/** Log-likelihoods of one text under two models: natural log, summed over the same `tokens` predicted tokens. */
export interface PairedText {
  readonly baseline: number;
  readonly candidate: number;
  readonly tokens: number;
}

export interface BootstrapSettings {
  readonly resamples: number;
  /** Candidates compared with one baseline under one seed share their resamples. */
  readonly seed: number;
}

export const DEFAULT_BOOTSTRAP: BootstrapSettings = { resamples: 2000, seed: 0 };

export interface PerplexityComparison {
  /** Perplexity, exp(-sum of log-likelihoods / number of tokens), of either model. */
  readonly baseline: number;
  readonly candidate: number;
  /** candidate - baseline, with its two-sided 95 % percentile interval. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /**
   * Difference of log-perplexity (mean negative log-likelihood per token, nats), and the upper end of its one-sided
   * 95 % percentile interval.
   */
  readonly logDifference: number;
  readonly logHighOneSided: number;
}

/** Quantile of ascending numbers by linear interpolation (type 7 of Hyndman and Fan 1996, doi:10.2307/2684934). */
export const quantile = (ascending: Float64Array, probability: number): number => {
  const position = (ascending.length - 1) * probability;
  const below = Math.floor(position);
  const low = ascending[below] ?? Number.NaN;
  const high = ascending[Math.min(below + 1, ascending.length - 1)] ?? Number.NaN;
  return low === high ? low : low + (position - below) * (high - low);
};

/** Log-perplexities of both models over texts given by index. */
const logPerplexities = (texts: readonly PairedText[], indices: Iterable<number>): readonly [number, number] => {
  let baseline = 0;
  let candidate = 0;
  let tokens = 0;
  for (const index of indices) {
    const text = texts[index];
    if (text === undefined) throw new RangeError(`there is no text ${index}`);
    baseline += text.baseline;
    candidate += text.candidate;
    tokens += text.tokens;
  }
  return [-baseline / tokens, -candidate / tokens];
};

/**
 * Paired percentile bootstrap over texts (Efron and Tibshirani 1993, An Introduction to the Bootstrap, ch. 13): a
 * resample draws texts with replacement and keeps both models' likelihoods of a text together.
 */
export const bootstrapPerplexity = (
  texts: readonly PairedText[],
  { resamples, seed }: BootstrapSettings = DEFAULT_BOOTSTRAP,
): PerplexityComparison => {
  if (texts.length === 0) {
    throw refuse('items-missing', 'There is no text to compare perplexities on.', 'Give at least one text.');
  }
  const random = seededRandom(seed);
  const draw = new Uint32Array(texts.length);
  const differences = new Float64Array(resamples);
  const logDifferences = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample += 1) {
    for (let place = 0; place < draw.length; place += 1) draw[place] = random.integer(draw.length);
    const [before, after] = logPerplexities(texts, draw);
    differences[resample] = Math.exp(after) - Math.exp(before);
    logDifferences[resample] = after - before;
  }
  differences.sort();
  logDifferences.sort();

  const [before, after] = logPerplexities(texts, texts.keys());
  return {
    baseline: Math.exp(before),
    candidate: Math.exp(after),
    difference: Math.exp(after) - Math.exp(before),
    low: quantile(differences, 0.025),
    high: quantile(differences, 0.975),
    logDifference: after - before,
    logHighOneSided: quantile(logDifferences, 0.95),
  };
};

export const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
