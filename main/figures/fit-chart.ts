import { type WeightType, weightType } from '../contract/export.ts';
import type { FitDocument, ScoredCandidate } from '../contract/fit.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { candidateWords, limitWords } from '../words/fit.ts';
import { formatBytes, formatNats } from '../words/numbers.ts';
import { type ChartAxis, type ChartFigure, type ChartPoint, type ChartSeries, compressedAxis } from './chart.ts';
import type { FigureTheme } from './colors.ts';
import { fitCurve } from './fit-table.ts';
import { weightsLegend, weightsMark } from './method-marks.ts';

const FIT_CAPTION =
  'Each mark is a candidate: its colour is the type of its weights, its shape the method, the hexagon a model with ' +
  'every expert. The line joins those that lose least for their bytes; whiskers are 95 % intervals. Paler marks ' +
  'answered a part of the items; a ring is the recommended model. The scale of the loss is linear about 0 and ' +
  'compressed beyond.';

/** Losses up to this are drawn on a linear scale, in nats. */
const LINEAR_TO = 0.03;
/** Largest loss of the axis where every candidate loses less. */
const LEAST_TOP = 0.05;

type Scored = ScoredCandidate & { readonly loss: NonNullable<ScoredCandidate['loss']> };
const isScored = (candidate: ScoredCandidate): candidate is Scored => candidate.loss !== null;

/** Leading digits of round sizes, from few to many. */
const LEADING = [
  [1, 2, 5],
  [1, 1.5, 2, 3, 5, 7],
  [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8],
] as const;
const FEWEST_TICKS = 4;

/** Round sizes in bytes between two ends; sizes at equal ratios where too few of them are round. */
export const sizeTicks = (least: number, most: number): readonly number[] => {
  const powers: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(least)); power <= most; power *= 10) powers.push(power);
  for (const digits of LEADING) {
    const round = powers.flatMap((power) => digits.map((digit) => digit * power));
    const ticks = round.filter((size) => size >= least && size <= most);
    if (ticks.length >= FEWEST_TICKS) return ticks;
  }
  const ratio = (most / least) ** (1 / 5);
  return [0.5, 1.5, 2.5, 3.5, 4.5].map((step) => least * ratio ** step);
};

const sizesAxis = (sizes: readonly number[]): ChartAxis => {
  const [least, most] = [minOf(sizes) / 1.1, maxOf(sizes) * 1.1];
  return {
    scale: 'doubling',
    domain: [least, most],
    ticks: sizeTicks(least, most),
    label: formatBytes,
    title: 'weights',
    inset: [8, 8],
    hasGrid: false,
  };
};

/** Loss of the right answer over bytes: all scored candidates of a search, and the best curve; null before any. */
export const fitFigure = (document: FitDocument, theme: FigureTheme): ChartFigure | null => {
  const scored = document.candidates.filter(isScored);
  if (scored.length === 0) return null;
  const { limit } = document.settings;
  const limits = limit.kind === 'bytes' ? [limit.bytes] : [];
  const types = weightType.options.filter((type) => scored.some(({ weights }) => weights === type));
  const methods = [...new Set(scored.flatMap(({ method }) => method ?? []))];
  const curve = fitCurve(document);
  const onCurve = new Set(curve.map(({ name }) => name));
  const all = maxOf(scored.map(({ items }) => items));
  const pointOf = (candidate: Scored): ChartPoint => {
    const { name, bytes, loss, items, weights, method } = candidate;
    const part = document.finalists.includes(name) ? ['finalist'] : [];
    return {
      key: name,
      x: bytes,
      y: loss.mean,
      whiskers: onCurve.has(name) ? [{ along: 'y', low: loss.low, high: loss.high }] : [],
      look: items < all ? 'pale' : 'filled',
      isThreshold: name === document.recommended,
      mark: weightsMark(weights, method, theme),
      tip: () => ({
        title: candidateWords(candidate, document.experts),
        lines: [
          ...(name === document.recommended ? ['recommended'] : part),
          formatBytes(bytes),
          `answer loss ${formatNats(loss, 3)} nats on ${items} scoring items`,
        ],
      }),
    };
  };
  const ofType = (type: WeightType): ChartSeries => ({
    key: type,
    mark: weightsMark(type, null, theme),
    line: [],
    points: scored.filter(({ weights }) => weights === type).map(pointOf),
  });
  const best: ChartSeries = {
    key: 'best',
    mark: { ...weightsMark('stored', null, theme), color: theme.muted },
    line: curve.map(({ bytes, loss }) => [bytes, loss?.mean ?? 0] as const),
    lineWidth: 4,
    opacity: 0.4,
    points: [],
  };
  const losses = scored.flatMap(({ loss }) => [loss.mean, loss.low]);
  return {
    title: `${document.model} on ${theme.task(document.task)}: loss over bytes`,
    description: `${scored.length} candidates for ${limitWords(limit)}.`,
    caption: FIT_CAPTION,
    legend: weightsLegend(types, methods, theme),
    plot: { width: 560, height: 236 },
    charts: [
      {
        key: 'fit',
        heading: '',
        note: '',
        x: sizesAxis([...scored.map(({ bytes }) => bytes), ...limits]),
        y: compressedAxis([0, LEAST_TOP, ...losses], LINEAR_TO, {
          title: 'answer loss (nats)',
          label: (tick) => String(tick).replace('-', '\u2212'),
        }),
        definition: 'answerLoss',
        rules: limits.map((at) => ({ axis: 'x', at, tone: 'ink', dash: '4 3', label: 'limit' })),
        series: [best, ...types.map(ofType)],
      },
    ],
  };
};
