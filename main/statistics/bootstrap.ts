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
  /** candidate - baseline, with its two-sided 95 % interval. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /**
   * Difference of log-perplexity (mean negative log-likelihood per token, nats), and the ends of its one-sided 95 %
   * intervals, at `nominalLevel`.
   */
  readonly logDifference: number;
  readonly logLowOneSided: number;
  readonly logHighOneSided: number;
  /** The bootstrap's upper end at each of TAIL_LEVELS. */
  readonly logHighTail: readonly { readonly alpha: number; readonly high: number }[];
}

/**
 * Level of the studentised bootstrap used for an end at `alpha`. At `alpha` itself the error is too large where texts
 * have heavy tails: 6 to 10 % instead of 5 at 50 to 300 texts (Student's t with 3 degrees of freedom, lognormal with
 * sigma 1, Pareto with exponent 3), 4 to 6 % at half the level; with 20 texts 7 to 15 and 4 to 11 % (simulated, 1000
 * runs each: tests/bench/error-rates.ts). It stays nominal: no resample can show what no text showed (one text in fifty
 * that loses far more: 21 % with 20 texts).
 */
export const nominalLevel = (alpha: number): number => alpha / 2;

/** Levels of the bootstrap's upper end: 5 %, and smaller ones for which 2000 resamples still have a tail. */
const TAIL_LEVELS = [0.05, 0.025, 0.01, 0.005, 0.0025] as const;

/** Below this many texts, resamples are not studentised: too many of them contain a single text, whose spread is 0. */
const FEWEST_STUDENTISED = 5;

/** Quantile of ascending numbers by linear interpolation (type 7 of Hyndman and Fan 1996, doi:10.2307/2684934). */
export const quantile = (ascending: Float64Array, probability: number): number => {
  const position = (ascending.length - 1) * probability;
  const below = Math.floor(position);
  const low = ascending[below] ?? Number.NaN;
  const high = ascending[Math.min(below + 1, ascending.length - 1)] ?? Number.NaN;
  return low === high ? low : low + (position - below) * (high - low);
};

/** Sums over texts given by index, enough for both differences and their standard errors. */
const sumsOver = (texts: readonly PairedText[], indices: Iterable<number>) => {
  let [baseline, candidate, tokens] = [0, 0, 0];
  let count = 0;
  const drawn: PairedText[] = [];
  for (const index of indices) {
    const text = texts[index];
    if (text === undefined) throw new RangeError(`there is no text ${index}`);
    baseline += text.baseline;
    candidate += text.candidate;
    tokens += text.tokens;
    count += 1;
    drawn.push(text);
  }
  return { before: -baseline / tokens, after: -candidate / tokens, tokens, count, drawn };
};

interface Estimate {
  readonly value: number;
  /** Standard error by linearisation of the ratio (each text's influence); NaN for a single text. */
  readonly error: number;
}

/** Differences of perplexity and of log-perplexity with their standard errors. */
const estimates = (
  texts: readonly PairedText[],
  indices: Iterable<number>,
): { readonly plain: Estimate; readonly log: Estimate; readonly before: number; readonly after: number } => {
  const { before, after, tokens, count, drawn } = sumsOver(texts, indices);
  const [baseline, candidate] = [Math.exp(before), Math.exp(after)];
  let [plainSquares, logSquares] = [0, 0];
  for (const text of drawn) {
    const fall = -text.baseline - before * text.tokens;
    const rise = -text.candidate - after * text.tokens;
    logSquares += (rise - fall) ** 2;
    plainSquares += (candidate * rise - baseline * fall) ** 2;
  }
  const scale = Math.sqrt(count / (count - 1)) / tokens;
  return {
    plain: { value: candidate - baseline, error: Math.sqrt(plainSquares) * scale },
    log: { value: after - before, error: Math.sqrt(logSquares) * scale },
    before,
    after,
  };
};

/** Ends of an interval as a function of the share of resamples below them. */
type EndAt = (probability: number) => number;

/**
 * The studentised bootstrap (bootstrap-t; Efron and Tibshirani 1993, An Introduction to the Bootstrap, ch. 12.5): an
 * end of the interval is the estimate minus a quantile of (resampled - estimate) / resampled error, times the error.
 * Unlike the percentile bootstrap it follows the skewness of the texts. Resamples of a single repeated text, which have
 * no error, are left out.
 */
const studentised = ({ value, error }: Estimate, resampled: readonly Estimate[]): EndAt => {
  const scale = Number.isFinite(error) ? error : 0;
  const ratios = Float64Array.from(
    resampled.filter((entry) => entry.error > scale * 1e-9),
    (resample) => (resample.value - value) / resample.error,
  ).sort();
  return (probability) =>
    scale === 0 || ratios.length === 0 ? value : value - scale * quantile(ratios, 1 - probability);
};

const percentile = (resampled: readonly Estimate[]): EndAt => {
  const ascending = Float64Array.from(resampled, ({ value }) => value).sort();
  return (probability) => quantile(ascending, probability);
};

/**
 * Paired bootstrap over texts: a resample draws texts with replacement and keeps both models' likelihoods of a text
 * together. Studentised from FEWEST_STUDENTISED texts on, percentile ends below (too few for a threshold).
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
  const plainResampled: Estimate[] = [];
  const logResampled: Estimate[] = [];
  for (let resample = 0; resample < resamples; resample += 1) {
    for (let index = 0; index < draw.length; index += 1) draw[index] = random.integer(draw.length);
    const { plain, log } = estimates(texts, draw);
    plainResampled.push(plain);
    logResampled.push(log);
  }
  const { plain, log, before, after } = estimates(texts, texts.keys());
  const isStudentised = texts.length >= FEWEST_STUDENTISED;
  const plainAt = isStudentised ? studentised(plain, plainResampled) : percentile(plainResampled);
  const logAt = isStudentised ? studentised(log, logResampled) : percentile(logResampled);
  return {
    baseline: Math.exp(before),
    candidate: Math.exp(after),
    difference: plain.value,
    low: plainAt(0.025),
    high: plainAt(0.975),
    logDifference: log.value,
    logLowOneSided: logAt(nominalLevel(0.05)),
    logHighOneSided: logAt(1 - nominalLevel(0.05)),
    logHighTail: TAIL_LEVELS.map((alpha) => ({ alpha, high: logAt(1 - alpha) })),
  };
};

export const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
