import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { pairedNumbers, pairReading } from './paired-numbers.ts';
import { threshold } from './sweep.ts';
import { answerKind, metricName } from './task.ts';

/** A model of a sweep, with its unpruned E (experts per MoE layer). Models with the same E differ in training seed. */
export const sizedModel = z.object({ name: boundedText, experts: z.number() });
export type SizedModel = z.infer<typeof sizedModel>;

/** A headline threshold of the sweep (over all seeds where a method has several), with the size of its model. */
export const sizeThreshold = threshold.extend({
  experts: z.number(),
  /** Largest measured factor; a model cannot be pruned below top-k experts. */
  largestTested: z.number(),
  /**
   * The bracket in experts kept per layer, E / factor: fewest that are safe, most that are not, most that are worse.
   */
  keptSafe: z.number().nullable().default(null),
  keptUnsafe: z.number().nullable().default(null),
  keptWorse: z.number().nullable().default(null),
  /** The bracket in bytes of the weights; null where the sweep does not record them. */
  bytesSafe: z.number().nullable().default(null),
  bytesUnsafe: z.number().nullable().default(null),
  /** Present where so many of the unpruned model's texts ran out of tokens that truncation was measured. */
  truncationMeasured: z.literal(true).optional(),
});
export type SizeThreshold = z.infer<typeof sizeThreshold>;

/** Lowest and highest `lastSafe` over the trainings of one size; null where none can be determined. */
export const trainingSpread = z.object({
  experts: z.number(),
  models: z.number(),
  lowest: z.number().nullable(),
  highest: z.number().nullable(),
});
export type TrainingSpread = z.infer<typeof trainingSpread>;

/** Direction of a threshold as E grows, from the pairs of models that differ in E. */
export const trendDirection = z.enum(['rises', 'falls', 'stays', 'cannot-tell']);
export type TrendDirection = z.infer<typeof trendDirection>;

/** Pairs of models that differ in E, by the larger one's bracket [lastSafe, firstUnsafe) relative to the other's. */
export const bracketPairs = z.object({
  /** Entirely above it, or entirely below. */
  rises: z.number(),
  falls: z.number(),
  /** They overlap, and both are bounded. */
  overlaps: z.number(),
  /** One cannot be determined, or is open above and so could hide any order. */
  unknown: z.number(),
});
export type BracketPairs = z.infer<typeof bracketPairs>;

/** Threshold against pretraining expert count, for one task and method. */
export const expertTrend = z.object({
  task: boundedText,
  method: boundedText,
  /** By ascending E. The bracket [lastSafe, firstUnsafe) is the interval that the items leave. */
  points: boundedList(sizeThreshold),
  /** By ascending E; relevant where a size was trained more than once. */
  spread: boundedList(trainingSpread),
  pairs: bracketPairs,
  direction: trendDirection,
});
export type ExpertTrend = z.infer<typeof expertTrend>;

/** How many thresholds (models of that E x tasks) are at or above a factor. */
export const safeShare = z.object({
  experts: z.number(),
  safe: z.number(),
  /** How many can be determined at this factor; 0 where no model of this size can be pruned, or was pruned, so far. */
  of: z.number(),
  /** For a method with several draws: the same count of the draw with fewest, and of the one with most. */
  draws: z.object({ lowest: z.number(), highest: z.number() }).optional(),
});
export type SafeShare = z.infer<typeof safeShare>;
export const safeCount = z.object({
  /** Kind of answers of the tasks. */
  answers: answerKind,
  method: boundedText,
  factor: z.number(),
  shares: boundedList(safeShare),
});
export type SafeCount = z.infer<typeof safeCount>;

/**
 * A large model pruned to E' experts against a model trained with E' experts, on the same items: the interval and the
 * test are paired. `difference` is pruned - scratch.
 */
export const sizePair = z.object({
  task: boundedText,
  method: boundedText,
  seed: z.number().nullable(),
  large: boundedText,
  small: boundedText,
  /** E of the large model, E' of the small one, and their quotient, the pruning factor. */
  largeExperts: z.number(),
  experts: z.number(),
  factor: z.number(),
  /** Whether the factor is above the large model's threshold for this task and method; null: cannot tell. */
  pastThreshold: z.boolean().nullable(),
  metric: metricName,
  n: z.number(),
  pruned: z.number(),
  scratch: z.number(),
  ...pairedNumbers.shape,
  reading: pairReading,
});
export type SizePair = z.infer<typeof sizePair>;

/**
 * Models of two neighbouring sizes, both pruned by one method (with the same seed where it uses one) to the same number
 * of experts, on the same items; `difference` is that of the larger model minus that of the smaller one.
 */
export const equalKeptPair = z.object({
  task: boundedText,
  method: boundedText,
  seed: z.number().nullable().default(null),
  large: boundedText,
  small: boundedText,
  largeExperts: z.number(),
  smallExperts: z.number(),
  kept: z.number(),
  metric: metricName,
  n: z.number(),
  largeValue: z.number(),
  smallValue: z.number(),
  ...pairedNumbers.shape,
  reading: pairReading,
});
export type EqualKeptPair = z.infer<typeof equalKeptPair>;

/** A measured point of a model with a known dropped share. */
export const sharePoint = z.object({
  answers: answerKind,
  method: boundedText,
  task: boundedText,
  model: boundedText,
  experts: z.number(),
  seed: z.number().nullable(),
  factor: z.number(),
  /** Dropped share of the routed choices, and accuracy minus that of the unpruned model. */
  share: z.number(),
  difference: z.number(),
});
export type SharePoint = z.infer<typeof sharePoint>;

/** Change per doubling of E, with a 95 % interval over the models. */
export const slopeOverExperts = z.object({ slope: z.number(), low: z.number(), high: z.number() });
export type SlopeOverExperts = z.infer<typeof slopeOverExperts>;

/**
 * How the difference to the unpruned model changes with E at an equal dropped share, and at an equal factor: for one
 * method and one kind of answers. Above 0: a larger E loses less.
 */
export const shareTrend = z.object({
  answers: answerKind,
  method: boundedText,
  models: z.number(),
  tasks: z.number(),
  draws: z.number(),
  atEqualShare: slopeOverExperts,
  /** The smallest and the largest slope of single draws, and the side of 0 on which the interval of every draw lies. */
  drawSlopes: z.object({ lowest: z.number(), highest: z.number() }),
  side: z.union([z.literal(1), z.literal(0), z.literal(-1)]),
  /** Whether this many models could distinguish a trend over E from chance in training at all. */
  isDecidable: z.boolean(),
  /** The smallest factor that every model has; null where they share none. */
  equalFactor: z
    .object({
      factor: z.number(),
      ...slopeOverExperts.shape,
      /** By ascending E: the share that this factor drops, and the difference; means over models, tasks and draws. */
      sizes: boundedList(z.object({ experts: z.number(), share: z.number(), difference: z.number() })),
    })
    .nullable(),
});
export type ShareTrend = z.infer<typeof shareTrend>;

/** The finding of a chart, in a sentence computed from its data. */
export const finding = z.object({
  chart: z.enum(['thresholds', 'threshold-over-experts', 'loss-over-share', 'safe-tasks', 'pruned-against-scratch']),
  /** Null: over all methods. */
  method: boundedText.nullable(),
  /** Kind of answers of its tasks; absent where the sweep measured one kind. */
  answers: answerKind.optional(),
  /**
   * Whether the data support the chart's hypothesis. `supported`: thresholds rise with E beyond chance in training;
   * past the threshold, pruning these models is worse than training with fewer experts from scratch. `opposed`: the
   * reverse. `mixed`: both happen. `unchanged`: neither happens. `cannot-tell`: too little data to distinguish from
   * chance. `counted`: numbers without such a hypothesis.
   */
  verdict: z.enum(['supported', 'opposed', 'mixed', 'unchanged', 'cannot-tell', 'counted']),
  sentence: boundedText,
  /** Two-sided, of relabelling whole models within each series of trainings; null where nothing is tested. */
  p: z.number().nullable(),
});
export type Finding = z.infer<typeof finding>;

/** One sweep read over the sizes of its models, which differ in the number of experts. */
export const sizeTrendDocument = z.object({
  run: boundedText,
  delta: z.number(),
  /** The threshold rule in words. */
  rule: boundedText,
  /** Test items, and texts of a perplexity task, below which no threshold can be determined at this delta. */
  needed: z.object({ items: z.number(), texts: z.number() }),
  /** By ascending E. */
  models: boundedList(sizedModel),
  /**
   * Trainings of these sizes with another seed, whose results are bundled and whose weights are not: included in the
   * trends and the safe counts, not in the matrix and the pairs.
   */
  trainings: boundedList(sizedModel),
  tasks: boundedList(boundedText),
  /** Tasks with generated answers. */
  written: boundedList(boundedText).default([]),
  methods: boundedList(boundedText),
  /** The matrix models x tasks x methods. */
  thresholds: boundedList(sizeThreshold),
  /** The same where one method is chosen after seeing all: each at the level divided by the number of methods. */
  selected: boundedList(sizeThreshold).default([]),
  /** Empty unless the models differ in E. */
  trends: boundedList(expertTrend),
  safeCounts: boundedList(safeCount),
  pairs: boundedList(sizePair),
  equalKept: boundedList(equalKeptPair).default([]),
  /** Empty unless the models differ in E, and where no point has a dropped share. */
  sharePoints: boundedList(sharePoint).default([]),
  shareTrends: boundedList(shareTrend).default([]),
  findings: boundedList(finding),
  /** How to read the charts, and their limits. */
  notes: boundedList(boundedText),
});
export type SizeTrendDocument = z.infer<typeof sizeTrendDocument>;
