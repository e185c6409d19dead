import { distinct } from '../contract/distinct.ts';
import { present } from '../contract/errors.ts';
import { type WeightType, weightType } from '../contract/export.ts';
import { curveLabel, weightsOfLabel } from '../contract/method.ts';
import { isNothingToLose, type SweepDocument, type SweepResult, type Threshold, UNPRUNED } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { testedPoints } from '../evaluation/curtailed-points.ts';
import { type PointOverDraws, pointsOverDraws } from '../evaluation/draws.ts';
import { type FrontierPoint, frontierPoints, undominatedOf } from '../evaluation/frontier.ts';
import { groupBy, headlineThresholds } from '../evaluation/threshold.ts';
import { itemsNeeded } from '../evaluation/verdicts.ts';
import { maxOf } from '../statistics/extremes.ts';
import { methodTitle } from '../words/methods.ts';
import { formatBytes, formatNumber } from '../words/numbers.ts';
import { verdictText } from '../words/verdicts.ts';
import {
  type Chart,
  type ChartAxis,
  type ChartFigure,
  type ChartPoint,
  type ChartRule,
  type ChartSeries,
  FACTOR_TITLE,
  factorAxis,
  linearAxis,
  tickText,
  type ThresholdRow,
} from './chart.ts';
import type { FigureTheme } from './colors.ts';
import { type MethodMark, methodMarks, weightsLegend, weightsMark } from './method-marks.ts';
import { pointLines, pointTitle, resultKey } from './point-words.ts';

/** What is drawn; default: everything, without chance. */
interface Drawn {
  readonly methods?: readonly string[] | undefined;
  /** Accuracy of guessing on a task, which a sweep does not record. */
  readonly chance?: (task: string) => number | null;
}

/** A kind of chart of one model in a sweep: window, saved figures and report draw every kind that this file lists. */
interface ModelChart {
  readonly name: string;
  readonly button: string;
  /** "Quality against bytes". */
  readonly title: string;
  /** Start of its files' names. */
  readonly file: string;
  /** Whether its curves are methods, which can be hidden. */
  readonly isOfMethods: boolean;
  /** In the report, shown at once or on request. */
  readonly report: 'shown' | 'folded' | null;
  /** Follows "No pruned point of MODEL in this sweep". */
  readonly absent: string;
  /** Whether the sweep measured anything that it draws: answered without drawing. */
  readonly isMeasured: (document: SweepDocument, model: string) => boolean;
  /** Null if the sweep did not measure it. */
  readonly make: (document: SweepDocument, model: string, theme: FigureTheme, drawn?: Drawn) => ChartFigure | null;
}

const unprunedOf = ({ value, difference }: SweepResult): number => value - difference;

export const axisTitle = (metric: MetricName): string =>
  ({
    acc: 'accuracy (%)',
    acc_norm: 'accuracy, length-normalised (%)',
    perplexity: 'perplexity',
    exact_match: 'exact match (%)',
    ending: 'texts that end (%)',
  })[metric];

const INTERVAL_CAPTION =
  'Whiskers: two-sided 95 % interval of the difference to the unpruned model on the same items, about its value';

const endsOf = (result: SweepResult): readonly number[] => {
  const unpruned = unprunedOf(result);
  return [result.value, unpruned, unpruned + result.low, unpruned + result.high];
};

/** Accuracies share one axis within 0 to 1, so that charts are comparable; each perplexity has its own. */
const valueAxis = (metric: MetricName, values: readonly number[], accuracies: readonly number[]): ChartAxis => {
  const text = { title: axisTitle(metric), label: (tick: number) => tickText(tick, metric) };
  if (metric === 'perplexity') return linearAxis(values, text);
  return linearAxis(
    accuracies.map((value) => Math.min(1, Math.max(0, value))),
    text,
  );
};

/** A measured model with its interval; near accuracy 1 that of the difference exceeds the range of accuracies. */
const measuredPoint = (
  result: SweepResult,
  x: number,
  look: ChartPoint['look'],
  lines: readonly string[] = [],
): ChartPoint => {
  const [low, high] = [unprunedOf(result) + result.low, unprunedOf(result) + result.high];
  const clipped = result.metric === 'perplexity' ? { low, high } : { low: Math.max(0, low), high: Math.min(1, high) };
  return {
    key: resultKey(result),
    x,
    y: result.value,
    whiskers: look === 'small' ? [] : [{ along: 'y', ...clipped }],
    look,
    tip: () => ({ title: pointTitle(result), lines: [...pointLines(result), ...lines] }),
  };
};

const unprunedRule = (at: number): ChartRule => ({ axis: 'y', at, tone: 'ink' });

const legendOf = (marks: ReadonlyMap<string, MethodMark>, labelOf = methodTitle) =>
  [...marks].map(([method, mark]) => ({ label: labelOf(method), mark }));

type Results = readonly [SweepResult, ...SweepResult[]];

/** Results of one model, by task in the order of the results. */
const byTask = (results: readonly SweepResult[]): readonly Results[] => groupBy(results, ({ task }) => task);

/** The chart of a task, of the results on it. */
const taskChart = (
  [{ task, n }]: Results,
  theme: FigureTheme,
  parts: Pick<Chart, 'x' | 'y' | 'rules' | 'series' | 'thresholds'> & { readonly definition?: string | undefined },
): Chart => ({
  key: task,
  heading: theme.task(task),
  note: `n = ${n}`,
  ...parts,
  definition: parts.definition ?? 'pairedDifference',
});

const accuraciesIn = (results: readonly SweepResult[]): readonly number[] =>
  results.filter(({ metric }) => metric !== 'perplexity').flatMap(endsOf);

// --- Quality against the pruning factor ---

/** One method on one task. */
interface Curve {
  readonly method: string;
  readonly draws: number;
  /** By rising factor; without the unpruned model. */
  readonly points: readonly PointOverDraws[];
  readonly threshold: Threshold | null;
  readonly thresholds: readonly Threshold[];
}

const curvesOn = (document: SweepDocument, model: string, task: string): readonly Curve[] => {
  const isHere = (entry: { readonly model: string; readonly task: string }): boolean =>
    entry.model === model && entry.task === task;
  const points = pointsOverDraws({
    results: document.results.filter(isHere),
    curtailed: (document.curtailed ?? []).filter(isHere),
    notNeeded: (document.notNeeded ?? []).filter(isHere),
  });
  const headline = headlineThresholds(document.thresholds).filter(isHere);
  return distinct(
    testedPoints(document)
      .filter(isHere)
      .map(({ method }) => method),
  ).map((method) => {
    const methodPoints = points
      .filter((point) => point.method === method)
      .sort((left, right) => left.factor - right.factor);
    return {
      method,
      draws: maxOf([1, ...methodPoints.map(({ draws }) => draws)]),
      points: methodPoints,
      threshold: headline.find((entry) => entry.method === method) ?? null,
      thresholds: document.thresholds.filter((threshold) => isHere(threshold) && threshold.method === method),
    };
  });
};

const thresholdRow = ({ threshold }: Curve, mark: MethodMark, metric: MetricName): ThresholdRow => {
  if (threshold === null) return { mark, lastSafe: null, firstUnsafe: null, words: '' };
  const { lastSafe, firstUnsafe, delta, verdict } = threshold;
  const unit = metric === 'perplexity' ? 'texts' : 'items';
  const undecided = isNothingToLose(verdict)
    ? verdictText(verdict)
    : `cannot tell: fewer than ${itemsNeeded(delta, metric)} ${unit}`;
  return { mark, lastSafe, firstUnsafe, words: lastSafe === null ? undecided : '' };
};

const curveSeries = ({ method, draws, points, thresholds }: Curve, mark: MethodMark, unpruned: number): ChartSeries => {
  const valued = points.flatMap(({ factor, value, results }) => (value === null ? [] : [{ factor, value, results }]));
  // The threshold over several draws is above the plot.
  const isThreshold = ({ factor, seed }: SweepResult): boolean =>
    draws === 1 && thresholds.some((threshold) => threshold.factor === factor && threshold.seed === seed);
  const edges = valued.flatMap(({ factor, value, results: [only] }): (readonly [number, number, number])[] => {
    if (draws > 1) return [[factor, value.lowest, value.highest]];
    return only === undefined ? [] : [[factor, unpruned + only.low, unpruned + only.high]];
  });
  return {
    key: method,
    mark,
    line: [[1, unpruned], ...valued.map(({ factor, value }) => [factor, value.mean] as const)],
    band: { edges: [[1, unpruned, unpruned], ...edges], isFaint: draws === 1 },
    points: points.flatMap(({ results }) =>
      results.map((result) => ({
        ...measuredPoint(result, result.factor, draws > 1 ? 'small' : 'filled'),
        isThreshold: isThreshold(result),
      })),
    ),
    // A candidate that was not measured at all, for want of items, is no point.
    crosses: points
      .filter(({ curtailed }) => curtailed.some(({ evaluated }) => evaluated > 0))
      .map(({ factor }) => factor),
  };
};

const CURVES_CAPTION =
  'Solid line across: unpruned model; dashed: the margin. Above each plot, per method: mark at the threshold factor, ' +
  'bar at the first unsafe one; an arrow means that every tested factor is safe, a hollow mark that none is. Ringed: ' +
  'the threshold.';
const DRAWS_CAPTION =
  'Several draws of a method: a small mark each, line at their mean, band from the lowest to the highest; the ' +
  'threshold is safe in every draw.';
/** How a candidate is drawn that stopped early. */
const CURTAILED_CAPTION =
  'Cross on the axis: unsafe, decided before every item was answered, so there is no value; larger factors of that ' +
  'curve were not needed.';

const curvesCaption = (metrics: readonly MetricName[], curves: readonly Curve[]): string => {
  const isOfTexts = metrics.includes('perplexity');
  const isOfItems = metrics.some((metric) => metric !== 'perplexity');
  const how = [
    ...(isOfItems ? ['Tango\u2019s score interval for paired proportions'] : []),
    ...(isOfTexts ? ['paired bootstrap for perplexity'] : []),
  ];
  const isCut = curves.some(({ points }) => points.some(({ curtailed }) => curtailed.length > 0));
  return [
    `${INTERVAL_CAPTION} (${how.join('; ')}).`,
    CURVES_CAPTION,
    ...(curves.some(({ draws }) => draws > 1) ? [DRAWS_CAPTION] : []),
    ...(isCut ? [CURTAILED_CAPTION] : []),
  ].join(' ');
};

/** Value (accuracy or perplexity) at the margin: the least that counts as safe by value. */
const marginOf = ({ metric }: SweepResult, unpruned: number, delta: number): number =>
  metric === 'perplexity' ? unpruned * Math.exp(delta) : unpruned - delta;

const curvesFigure: ModelChart['make'] = (document, model, theme, { methods, chance } = {}) => {
  const results = document.results.filter((result) => result.model === model);
  const tasks = byTask(results).map((own) => ({ own, curves: curvesOn(document, model, own[0].task) }));
  const all = distinct(tasks.flatMap(({ curves }) => curves.map(({ method }) => method)));
  if (tasks.length === 0) return null;
  const marks = methodMarks(all, theme, methods);
  const curves = tasks.flatMap((task) => task.curves);
  const factors = curves.flatMap(({ points }) => points.map(({ factor }) => factor));
  const labelOf = (method: string): string => {
    const draws = maxOf([1, ...curves.filter((curve) => curve.method === method).map((curve) => curve.draws)]);
    return draws > 1 ? `${methodTitle(method)} (mean and range of ${draws} draws)` : methodTitle(method);
  };
  const rulesOf = ([first]: Results): readonly ChartRule[] => {
    const { task, metric } = first;
    const unpruned = unprunedOf(first);
    const delta = document.thresholds.find((threshold) => threshold.model === model && threshold.task === task)?.delta;
    const guessed = metric === 'perplexity' ? null : (chance?.(task) ?? null);
    return [
      unprunedRule(unpruned),
      ...(delta === undefined
        ? []
        : [{ axis: 'y', at: marginOf(first, unpruned, delta), tone: 'muted', dash: '4 3' } as const]),
      ...(guessed === null ? [] : [{ axis: 'y', at: guessed, tone: 'muted', dash: '1 3' } as const]),
    ];
  };
  const valuesOf = (own: Results): readonly number[] => [...own.flatMap(endsOf), ...rulesOf(own).map(({ at }) => at)];
  const accuracies = tasks.filter(({ own }) => own[0].metric !== 'perplexity').flatMap(({ own }) => valuesOf(own));
  const x = factorAxis(factors, FACTOR_TITLE);
  return {
    title: `${model}: quality against pruning factor`,
    description: `${tasks.length} tasks, methods ${[...marks.keys()].join(', ')}. ${document.rule}`,
    caption: curvesCaption(
      tasks.map(({ own }) => own[0].metric),
      curves,
    ),
    rule: document.rule,
    legend: legendOf(marks, labelOf),
    charts: tasks.map(({ own, curves: ofTask }) => {
      const [first] = own;
      const shown = ofTask.flatMap((curve) => {
        const mark = marks.get(curve.method);
        return mark === undefined ? [] : [{ curve, mark }];
      });
      return taskChart(own, theme, {
        x,
        y: valueAxis(first.metric, valuesOf(own), accuracies),
        rules: rulesOf(own),
        thresholds: shown.map(({ curve, mark }) => thresholdRow(curve, mark, first.metric)),
        series: shown.map(({ curve, mark }) => curveSeries(curve, mark, unprunedOf(first))),
      });
    }),
  };
};

// --- Quality against another axis than the factor ---

/** Ticks as short as they are round: "0.5", "1", "1.5". */
const shortTick = (tick: number): string => String(Number(tick.toPrecision(3)));

interface AxisWords {
  /** In titles: "quality against bytes". */
  readonly title: string;
  readonly button: string;
  readonly across: string;
  /** A point's position on the axis; undefined if the document does not contain it. */
  readonly position: (result: SweepResult) => number | undefined;
  readonly note: string;
  readonly absent: string;
  readonly report?: 'folded';
  readonly definition?: string;
}

/** The unpruned model with rounded weights is a candidate too. */
const isCandidate = ({ factor, method }: SweepResult): boolean => factor > 1 || weightsOfLabel(method).weights !== null;

/** The unpruned model at the weights of a curve, where its line begins. */
const wholeName = (method: string): string => curveLabel(UNPRUNED, null, weightsOfLabel(method).weights ?? undefined);

/** Quality of one model against one more number of its points: a curve per method and draw. */
const against = <N extends string>(name: N, words: AxisWords): ModelChart & { readonly name: N } => {
  const isMeasured: ModelChart['isMeasured'] = ({ results }, model) =>
    results.some((result) => result.model === model && result.factor > 1 && words.position(result) !== undefined);
  const make: ModelChart['make'] = (document, model, theme, { methods } = {}) => {
    if (!isMeasured(document, model)) return null;
    const placed = document.results.flatMap((result) => {
      const at = result.model === model ? words.position(result) : undefined;
      return at === undefined ? [] : [{ result, at }];
    });
    const results = placed.map(({ result }) => result);
    const marks = methodMarks(distinct(results.filter(isCandidate).map(({ method }) => method)), theme, methods);
    const accuracies = accuraciesIn(results);
    const x = linearAxis(
      placed.map(({ at }) => at),
      { title: words.across, label: shortTick },
      { inset: [10, 10] },
    );
    const seriesOf = (places: typeof placed, method: string, mark: MethodMark): ChartSeries[] => {
      const whole = places.filter(({ result }) => result.method === wholeName(method)).slice(0, 1);
      const curve = places.filter(({ result }) => result.method === method && isCandidate(result));
      return distinct(curve.map(({ result }) => result.seed)).map((seed) => {
        const points = curve.filter(({ result }) => result.seed === seed);
        const isPruned = points.some(({ result }) => result.factor > 1);
        const path = [...points, ...(isPruned ? whole : [])].sort((left, right) => left.at - right.at);
        return {
          key: seed === null ? method : `${method} ${seed}`,
          mark,
          line: path.map(({ at, result }) => [at, result.value] as const),
          points: points.map(({ at, result }) =>
            measuredPoint(result, at, 'filled', [`${words.across}: ${formatNumber(at, 3)}`]),
          ),
        };
      });
    };
    return {
      title: `${model}: quality against ${words.title}`,
      description: `${byTask(results).length} tasks, methods ${[...marks.keys()].join(', ')}.`,
      caption:
        'Each mark is a measured model, one per seed; the line of a curve runs from the unpruned model (solid line ' +
        `across) to its smallest. ${INTERVAL_CAPTION}. ${words.note}`,
      legend: legendOf(marks),
      charts: byTask(results).map((own) => {
        const [first] = own;
        const here = placed.filter(({ result }) => result.task === first.task);
        return taskChart(own, theme, {
          x,
          y: valueAxis(first.metric, own.flatMap(endsOf), accuracies),
          definition: words.definition,
          rules: [unprunedRule(unprunedOf(first))],
          series: [...marks].flatMap(([method, mark]) => seriesOf(here, method, mark)),
        });
      }),
    };
  };
  const { button, absent, report = null } = words;
  const title = `Quality against ${words.title}`;
  return { name, button, title, file: name, isOfMethods: true, report, absent, isMeasured, make };
};

// --- Accuracy against bytes, a curve per type of weights ---

const typeOf = ({ weights }: FrontierPoint): WeightType => weights ?? 'stored';
const methodOf = ({ result }: FrontierPoint): string => weightsOfLabel(result.method).bare;
const isWhole = (point: FrontierPoint): boolean => methodOf(point) === UNPRUNED;

const FRONTIER_CAPTION =
  'Each mark is a measured model: its colour is the type of its weights, its shape the method, the hexagon the ' +
  'unpruned model. A line joins the models of a type that no other one of that type beats in both accuracy and ' +
  'bytes; paler marks are beaten. The broad grey line joins those that none of any type beats. Lines run through the ' +
  `best of many measured values and are a little too high: read the intervals. ${INTERVAL_CAPTION}. Activations are ` +
  'not rounded.';

/** The points of a model with their bytes; null if none has rounded weights. */
const roundedFrontier = ({ results }: SweepDocument, model: string): readonly FrontierPoint[] | null => {
  const own = results.filter((result) => result.model === model);
  if (own.every(({ method }) => weightsOfLabel(method).weights === null)) return null;
  const points = frontierPoints(own);
  return points.some(({ weights }) => weights !== null) ? points : null;
};

const frontierFigure: ModelChart['make'] = (document, model, theme) => {
  const points = roundedFrontier(document, model);
  if (points === null) return null;
  const results = points.map(({ result }) => result);
  const methods = distinct(points.filter((point) => !isWhole(point)).map(methodOf));
  const types = weightType.options.filter((type) => points.some((point) => typeOf(point) === type));
  const accuracies = accuraciesIn(results);
  const megabytes = ({ bytes }: FrontierPoint): number => bytes / 1e6;
  const x = linearAxis(points.map(megabytes), { title: 'weights (MB)', label: shortTick }, { inset: [10, 10] });
  const pathOf = (frontierPoints: readonly FrontierPoint[]) =>
    frontierPoints.map((entry) => [megabytes(entry), entry.result.value] as const);
  const typeSeries = (frontierPoints: readonly FrontierPoint[], type: WeightType): ChartSeries => {
    const best = new Set(undominatedOf(frontierPoints));
    return {
      key: type,
      mark: weightsMark(type, null, theme),
      line: pathOf([...best]),
      points: frontierPoints.map((point) => ({
        ...measuredPoint(point.result, megabytes(point), best.has(point) ? 'filled' : 'pale', [
          `weights ${typeOf(point)}, ${formatBytes(point.bytes)}` + (point.isUndominated ? ', not beaten' : ''),
        ]),
        mark: weightsMark(type, isWhole(point) ? null : methodOf(point), theme),
      })),
    };
  };
  const tasks = byTask(results);
  return {
    title: `${model}: prune or quantise?`,
    description: `${tasks.length} tasks, weights ${types.join(', ')}, methods ${methods.join(', ')}.`,
    caption: FRONTIER_CAPTION,
    legend: weightsLegend(types, methods, theme),
    charts: tasks.map((own) => {
      const [{ task, metric }] = own;
      const matchingPoints = points.filter(({ result }) => result.task === task);
      const best: ChartSeries = {
        key: 'best of all types',
        mark: { ...weightsMark('stored', null, theme), color: theme.muted, dash: 'none' },
        line: pathOf(matchingPoints.filter(({ isUndominated }) => isUndominated)),
        lineWidth: 6,
        opacity: 0.35,
        points: [],
      };
      return taskChart(own, theme, {
        x,
        y: valueAxis(metric, own.flatMap(endsOf), accuracies),
        rules: [],
        series: [
          best,
          ...types.flatMap((type) => {
            const ofType = matchingPoints.filter((point) => typeOf(point) === type);
            return ofType.length === 0 ? [] : [typeSeries(ofType, type)];
          }),
        ],
      });
    }),
  };
};

/** The kinds of charts of a model, in the order of their buttons. A new one is an entry here, and nothing else. */
export const modelCharts = [
  {
    name: 'absolute',
    button: 'All tasks',
    title: 'Quality against the pruning factor',
    file: 'curves',
    isOfMethods: true,
    report: 'shown',
    absent: 'was measured yet.',
    isMeasured: ({ results }, model) => results.some((result) => result.model === model),
    make: curvesFigure,
  },
  against('kept', {
    title: 'kept experts',
    button: 'Kept',
    across: 'experts kept per layer',
    position: ({ kept }) => kept,
    note: 'Where layers differ, their mean.',
    absent: 'has a number of kept experts.',
  }),
  against('bytes', {
    title: 'bytes',
    button: 'Bytes',
    across: 'weights (MB)',
    position: ({ cost }) => (cost === undefined ? undefined : cost.bytes / 1e6),
    note: 'Bytes are those of all weights in their types.',
    absent: 'has its size recorded.',
    report: 'folded',
  }),
  against('dropped', {
    title: 'dropped share',
    button: 'Dropped',
    across: 'dropped share of the routed choices (%)',
    position: ({ droppedShare }) => (droppedShare === undefined ? undefined : 100 * droppedShare),
    note:
      'Dropped share: of the unpruned model\u2019s routed choices on the calibration items, those whose expert is ' +
      'dropped or merged into another one.',
    absent:
      'has a dropped share, which needs a profile of the task and a version that records it. Starting the same sweep ' +
      'again reuses the results on disk and adds it.',
    report: 'folded',
    definition: 'droppedShare',
  }),
  against('loss', {
    title: 'answer loss',
    button: 'Loss',
    across: 'answer loss (nats)',
    position: ({ answerLoss }) => answerLoss?.mean,
    note: 'Answer loss: log-probability that the right choice loses by pruning, mean over items.',
    absent: 'has an answer loss, which tasks with choices have.',
    definition: 'answerLoss',
  }),
  against('kl', {
    title: 'KL',
    button: 'KL',
    across: 'KL to unpruned (nats)',
    position: ({ fidelity }) => fidelity?.kl.mean,
    note:
      'KL: of the next-token distributions from those of the unpruned model, mean over the scored positions of the ' +
      'items.',
    absent: 'has a KL, which a sweep with the setting \u201cfidelity\u201d measures.',
    report: 'folded',
    definition: 'klToUnpruned',
  }),
  {
    name: 'frontier',
    button: 'Frontier',
    title: 'Accuracy against bytes',
    file: 'frontier',
    isOfMethods: false,
    report: 'shown',
    absent:
      'has rounded weights. Tick more weight types under \u201cWeights\u201d of a sweep: each plan is then measured ' +
      'at each type, with the bytes of its file.',
    isMeasured: (document, model) => roundedFrontier(document, model) !== null,
    make: frontierFigure,
  },
] as const satisfies readonly ModelChart[];

export type ModelChartName = (typeof modelCharts)[number]['name'];

export const modelChart = (name: ModelChartName): ModelChart =>
  present(
    modelCharts.find((chart) => chart.name === name),
    `There is no chart ${name}.`,
  );

/** Whether a sweep measured anything that a kind of chart draws of a model. */
export const isModelChartMeasured = (name: ModelChartName, document: SweepDocument, model: string): boolean =>
  modelChart(name).isMeasured(document, model);
