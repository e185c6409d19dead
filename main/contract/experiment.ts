import { z } from 'zod';
import {
  boundedList,
  boundedRecord,
  boundedText,
  itemCount,
  MOST_CURVES,
  MOST_ITEMS,
  MOST_MODELS,
  MOST_POINTS,
  MOST_SEEDS,
  MOST_TASKS,
  shortName,
} from './bounds.ts';
import { finetuneManifest, finetuneSettings } from './finetune.ts';
import { pathHandle } from './model.ts';
import { pairedNumbers } from './paired-numbers.ts';
import { methodName, methodOptions, refitName, refusedGates } from './plan.ts';
import { comparedFields } from './reproduction.ts';
import { runCircumstances } from './recorded.ts';
import { expertTrend, sizedModel, sizeThreshold } from './size-trend.ts';
import { setting } from './setting.ts';
import { DEFAULT_SEEDS, describedSweepSettings, pointVerdict } from './sweep.ts';
import { metricName } from './task.ts';

/**
 * The experiment of the paper on UNCURL (arXiv 2409.01483): members of a family that differ in the number of experts,
 * each pruned to the size of each smaller one, and compared with that smaller one and with itself, on the same items.
 */

/**
 * Treatment of an arm before it was measured. `as-is`: none. `refit`: a refit on the task's calibration items without
 * training. `tuned`: fine-tuning on them. `two-stage`: training on a mixture of tasks, then fine-tuning, as in the
 * paper. `new-router`: its router was reinitialised at random, then as `tuned`. `new-router-two-stage`: the same, then
 * as `two-stage`: the paper's full procedure.
 */
export const armTreatment = z.enum(['as-is', 'refit', 'tuned', 'two-stage', 'new-router', 'new-router-two-stage']);
export type ArmTreatment = z.infer<typeof armTreatment>;

/** Treatments in words, to follow the name of a method. */
export const treatmentTitles: Readonly<Record<ArmTreatment, string>> = {
  'as-is': 'as it is',
  refit: 'refit',
  tuned: 'fine-tuned',
  'two-stage': 'general stage, then fine-tuned',
  'new-router': 'new random router, fine-tuned',
  'new-router-two-stage': 'new random router, general stage, then fine-tuned',
};

/** Gates of pruned arms where deleting experts changes them (`gatesName`); other arms have one reading alone. */
export const experimentGates = z.enum(['folded', 'renormalised']);

/** Treatments that train. */
export const isTrained = (treatment: ArmTreatment): boolean => treatment !== 'as-is' && treatment !== 'refit';
/** Treatments with a general stage on a mixture of tasks. */
export const hasGeneralStage = (treatment: ArmTreatment): boolean =>
  treatment === 'two-stage' || treatment === 'new-router-two-stage';
/** Treatments that reinitialise the router of pruned arms. */
export const hasNewRouter = (treatment: ArmTreatment): boolean =>
  treatment === 'new-router' || treatment === 'new-router-two-stage';

const referenceTreatments: Readonly<Record<ArmTreatment, ArmTreatment>> = {
  'as-is': 'as-is',
  refit: 'as-is',
  tuned: 'tuned',
  'new-router': 'tuned',
  'two-stage': 'two-stage',
  'new-router-two-stage': 'two-stage',
};

/** Treatment of an unpruned member when a pruned arm is compared with it: it has no refit, and keeps its router. */
export const referenceTreatment = (treatment: ArmTreatment): ArmTreatment => referenceTreatments[treatment];

export const experimentSettings = z.object({
  methods: z.array(methodName).min(1).max(MOST_CURVES).default(['uncurl']),
  options: boundedRecord(methodName, methodOptions).default({}),
  treatments: setting(
    boundedList(armTreatment)
      .min(1)
      // Each once, in the order of their definition.
      .overwrite((chosen) => armTreatment.options.filter((treatment) => chosen.includes(treatment)))
      .default(['as-is', 'refit', 'tuned']),
    {
      label: 'Arms',
      flag: 'arms',
      spellings: { 'fine-tuned': 'tuned' },
      help:
        'as-is, refit, tuned (or fine-tuned), two-stage (a general stage on --mixture, then the task), new-router or ' +
        'new-router-two-stage (pruned arms get a random new router). All but as-is and refit need Python; give ' +
        '--rate and --epochs then.',
      about:
        'The treatment of a pruned model and of the model it is compared with: none, a refit, fine-tuning on the ' +
        'task, or first a general stage on a mixture of tasks (without test items) and then the task. A new random ' +
        'router is drawn for the pruned model only, before training.',
      words: treatmentTitles,
    },
  ),
  refit: setting(refitName.default('router+experts'), {
    label: 'Refit',
    flag: 'recovery',
    value: 'WHAT',
    help: 'Refitted parts in the arms "refit".',
    words: { 'router+experts': 'router, then experts' },
    only: { list: 'treatments', holds: ['refit'] },
  }),
  gates: setting(
    boundedList(experimentGates)
      .min(1)
      .overwrite((chosen) => experimentGates.options.filter((gates) => chosen.includes(gates)))
      .default(['folded']),
    {
      label: 'Gates',
      flag: 'gates',
      refused: refusedGates,
      help:
        'Gates of pruned arms where deleting experts makes them grow (`uncurl help gates`): folded, renormalised ' +
        '(plain deletion, as published code does it), or both, each as an arm of its own. Others ignore it.',
      about:
        'Where the router is a softmax over all experts and is not renormalised, deleting experts makes the gates of ' +
        'the others grow. Folded: the down projections of kept experts make up for it. Renormalised: plain deletion. ' +
        'Both: each pruned model is measured, and trained, with either, as arms of their own.',
    },
  ),
  seeds: setting(
    z
      .array(z.number().int().nonnegative().max(1e6))
      .min(1)
      .max(MOST_SEEDS)
      .default([...DEFAULT_SEEDS]),
    {
      label: 'Draws',
      flag: 'seeds',
      range: 'whole numbers from 0 to 1000000, separated by commas',
      help:
        'Draws of arms whose plan depends on a seed, each a separate arm. A sign or a threshold is reported only if ' +
        'it holds in every draw.',
      about:
        'Draws of what depends on chance: clusters, new routers, and trainings if their seeds are drawn too. A ' +
        'number alone gives the seeds 0, 1, 2, ..., and seeds with commas are taken as they are (“4, 7”; “7,” is ' +
        'one). Each draw is an arm of its own; a sign or a threshold is reported only if it holds in every draw.',
      control: 'count',
    },
  ),
  trainingSeeds: setting(z.enum(['fixed', 'drawn']).default('fixed'), {
    label: 'Training seeds',
    flag: 'training-seeds',
    help:
      'fixed: all trainings use the seed of --seed. drawn: the trainings of a draw use its own seed, also the arms ' +
      'that they are compared with, which are then trained once per draw.',
    about:
      'One for all, or one per draw: the seed of the training plus that of the draw, also in the arms that are ' +
      'compared with it, which are then trained once per draw.',
    words: { fixed: 'one for all', drawn: 'one per draw' },
    only: { list: 'treatments', holds: armTreatment.options.filter(isTrained) },
  }),
  /** One training for all fine-tuned arms. Its general stage applies only to the treatments that have one. */
  training: finetuneSettings,
  delta: describedSweepSettings.shape.delta,
  limit: describedSweepSettings.shape.limit,
});
export type ExperimentSettings = z.infer<typeof experimentSettings>;

/** Settings that are one option each; command line, window, palette, definitions and documents derive from them. */
export const describedExperimentSettings = experimentSettings.omit({ methods: true, options: true, training: true });

export const experimentRequest = z.object({
  /** Members of one family; no two with the same number of experts. */
  models: z.array(pathHandle).min(1).max(MOST_MODELS),
  tasks: z.array(pathHandle).min(1).max(MOST_TASKS),
  settings: experimentSettings,
  /** A Python with PyTorch and transformers, for fine-tuned arms; null: the workspace's own environment. */
  python: pathHandle.nullable().default(null),
  /** File of the general stage; null: the bundled mixture. */
  mixture: pathHandle.nullable().default(null),
});

/** Names an arm. `method` is null for an unpruned member, which is also the scratch arm of its size. */
export const armName = z.object({
  task: shortName,
  model: shortName,
  /** Experts per layer in pretraining, and now. */
  experts: z.number(),
  kept: z.number(),
  method: shortName.nullable(),
  treatment: armTreatment,
  /** Null: those that a plain deletion leaves, or nothing was deleted that changes them. */
  gates: experimentGates.exclude(['renormalised']).nullable().default(null),
  /** Its draw; null where nothing about it is drawn. */
  seed: z.number().nullable().default(null),
});
export type ArmName = z.infer<typeof armName>;

/** Training of a fine-tuned arm: steps, and the mean loss of the first and the last. */
export const armTraining = z.object({ steps: z.number(), firstLoss: z.number(), lastLoss: z.number() });

export const experimentArm = armName.extend({
  /** One character per test item, in the task's order: 1 for a correct answer, else 0. */
  right: z
    .string()
    .max(MOST_ITEMS)
    .regex(/^[01]+$/),
  /** Items whose context was cut on the left to fit the model's positions. */
  truncated: itemCount,
  /** Share of the texts that ran out of tokens, where it is so large that truncation was measured. */
  ranOut: z.number().min(0).max(1).optional(),
  training: armTraining.nullable(),
});
export type ArmTraining = z.infer<typeof armTraining>;
export type ExperimentArm = z.infer<typeof experimentArm>;

export const experimentTask = z.object({
  name: shortName,
  metric: metricName,
  /** Test items, and the passage of each where some share one. */
  n: itemCount,
  groups: z.array(shortName).max(MOST_ITEMS).nullable(),
});
export type ExperimentTask = z.infer<typeof experimentTask>;

/** Measurements of an experiment so far: the input of its document. */
export const experimentRecord = z.object({
  run: boundedText,
  settings: experimentSettings,
  /** By ascending number of experts. */
  models: z.array(sizedModel).max(MOST_MODELS),
  tasks: z.array(experimentTask).max(MOST_TASKS),
  arms: z.array(experimentArm).max(MOST_POINTS),
  /** Versions of Python, PyTorch and transformers for the fine-tuned arms; empty without them. */
  python: boundedRecord(boundedText, boundedText).default({}),
  /** The mixture of the general stage; null without one. */
  mixture: finetuneManifest.shape.mixture,
});
export type ExperimentRecord = z.infer<typeof experimentRecord>;

/** `scratch`: against the member pretrained with E' experts. `unpruned`: against the same member before pruning. */
export const experimentQuestion = z.enum(['scratch', 'unpruned']);
export type ExperimentQuestion = z.infer<typeof experimentQuestion>;

/** Sign of a difference; `cannot-tell` where the interval contains 0. */
export const pairedSign = z.enum(['plus', 'minus', 'cannot-tell']);
export type PairedSign = z.infer<typeof pairedSign>;

/** What is read as one: arms of a method and treatment, for a question. */
const curve = {
  question: experimentQuestion,
  method: boundedText,
  treatment: armTreatment,
  gates: armName.shape.gates,
};
/** A pruned size on a curve: E experts, those kept, and their quotient. */
const prunedSize = { ...curve, model: boundedText, experts: z.number(), kept: z.number(), factor: z.number() };

/** A pruned arm of one draw against its reference, with the same treatment (`referenceTreatment`) and items. */
export const experimentPair = z.object({
  ...prunedSize,
  task: boundedText,
  /** The pruned arm's draw; null where nothing was drawn. */
  seed: z.number().nullable().default(null),
  reference: boundedText,
  n: z.number(),
  pruned: z.number(),
  against: z.number(),
  /** `difference` is pruned - against. */
  ...pairedNumbers.shape,
  sign: pairedSign,
  /** At the margin. */
  verdict: pointVerdict,
  /** Whether `plus` is impossible: the reference leaves too few wrong items, even if the pruned arm got all right. */
  atCeiling: z.boolean().default(false),
});
export type ExperimentPair = z.infer<typeof experimentPair>;

/**
 * The pairs of all draws of one arm on one task. A sign must hold for every draw by its interval: where one draw's
 * interval contains 0, or two draws differ, the sign is `cannot-tell`.
 */
export const experimentCell = z.object({
  ...prunedSize,
  task: boundedText,
  n: z.number(),
  draws: z.number(),
  /** Mean of the draws' differences, the lowest and the highest of them. */
  difference: z.number(),
  lowest: z.number(),
  highest: z.number(),
  /** From the lowest end of the draws' two-sided intervals to the highest: contains each of them. */
  low: z.number(),
  high: z.number(),
  sign: pairedSign,
  /** Draws by their own sign. */
  plus: z.number(),
  minus: z.number(),
  cannotTell: z.number(),
  /** Draws that are not worse by more than the margin, and draws that are. */
  safe: z.number(),
  worse: z.number(),
  /** Whether the sign `plus` is impossible, because it is in some draw. */
  atCeiling: z.boolean().default(false),
  /** 95 % interval of `difference` over items and draws, both drawn at random; null where items share passages or none differs. */
  overDraws: z.object({ low: z.number(), high: z.number() }).nullable().default(null),
});
export type ExperimentCell = z.infer<typeof experimentCell>;

/** The cells of one size, method, treatment and question over all tasks, read as the paper reads its table. */
export const experimentRow = z.object({
  ...prunedSize,
  tasks: z.number(),
  /** Draws per task; the minimum where tasks differ. */
  draws: z.number(),
  /** By the sign over all draws. */
  plus: z.number(),
  minus: z.number(),
  cannotTell: z.number(),
  /** Tasks on which `plus` is impossible. */
  atCeiling: z.number().default(0),
  /** By the bare difference (its mean over draws), as the paper counts: above, below, equal. */
  above: z.number(),
  below: z.number(),
  equal: z.number(),
  /** Tasks on which no draw is worse by more than the margin, and tasks on which every draw is. */
  safe: z.number(),
  worse: z.number(),
  /**
   * Over all items together, with tasks fixed: the mean over draws, and an interval that contains each draw's. Null
   * where items share passages.
   */
  pooled: z.object({ n: z.number(), difference: z.number(), low: z.number(), high: z.number() }).nullable(),
});
export type ExperimentRow = z.infer<typeof experimentRow>;

/** Thresholds of one question. */
export const experimentThreshold = sizeThreshold.extend({
  treatment: armTreatment,
  gates: armName.shape.gates,
  /** Largest tested factor up to which no bare difference of any draw is below 0, as the paper reads; 1: none. */
  bySign: z.number(),
});
export type ExperimentThreshold = z.infer<typeof experimentThreshold>;

/**
 * The factor of one model over all tasks by the paper's reading: the largest such that there, and at every smaller
 * tested factor, the bare difference is 0 or above on more than half of the tasks.
 */
export const modelThreshold = z.object({
  ...curve,
  model: boundedText,
  experts: z.number(),
  factor: z.number(),
  /** Largest that was tested. */
  largestTested: z.number(),
});
export type ModelThreshold = z.infer<typeof modelThreshold>;

export const experimentTrend = expertTrend.extend({ treatment: armTreatment, gates: armName.shape.gates });
export type ExperimentTrend = z.infer<typeof experimentTrend>;

export const experimentFinding = z.object({
  ...curve,
  sentence: boundedText,
});

export const experimentAnswer = z.object({
  question: experimentQuestion,
  /** The question, and the rule of its thresholds, in words. */
  title: boundedText,
  rule: boundedText,
  /** One entry per draw. */
  pairs: boundedList(experimentPair),
  /** The matrix: all draws of an arm together. */
  cells: boundedList(experimentCell),
  rows: boundedList(experimentRow),
  thresholds: boundedList(experimentThreshold),
  models: boundedList(modelThreshold),
  trends: boundedList(experimentTrend),
  findings: boundedList(experimentFinding),
});
export type ExperimentAnswer = z.infer<typeof experimentAnswer>;

/** A row of the paper's table: accuracies in percent, without intervals. */
export const publishedRow = z.object({
  method: boundedText,
  experts: z.number(),
  kept: z.number(),
  values: boundedList(z.number().nullable()),
});

export const publishedTable = z.object({
  source: boundedText,
  url: boundedText,
  note: boundedText,
  tasks: boundedList(boundedText),
  scratch: boundedList(z.object({ experts: z.number(), values: boundedList(z.number()) })),
  rows: boundedList(publishedRow),
});
export type PublishedTable = z.infer<typeof publishedTable>;

/** A published row compared with the scratch model of its size, by the bare difference in percentage points. */
export const publishedDifference = publishedRow.extend({
  factor: z.number(),
  differences: boundedList(z.number().nullable()),
  above: z.number(),
  of: z.number(),
});

/** An arm whose numbers changed in the repetition. */
export const changedArm = armName.extend({
  before: z.number(),
  after: z.number(),
  /** Indices (from 0) of the items that were correct in only one of the two. */
  flipped: boundedList(z.number()),
  /** First and last loss before and after, where they differ. */
  losses: z.object({ before: armTraining, after: armTraining }).nullable(),
});
export type ChangedArm = z.infer<typeof changedArm>;

const circumstances = z.object({ ...runCircumstances, python: boundedRecord(boundedText, boundedText) });

/** Result of repeating an experiment without any stored step. */
export const experimentReproduction = z.object({
  of: boundedText,
  /** Every number of every arm is the same, and none is missing. */
  matches: z.boolean(),
  sentence: boundedText,
  arms: z.number(),
  items: z.number(),
  changed: boundedList(changedArm),
  /** Arms that were not repeated, and why. */
  missing: boundedList(armName),
  reason: boundedText.nullable(),
  /** Signs of single draws that changed. */
  signs: boundedList(z.object({ before: experimentPair, after: experimentPair })),
  fields: comparedFields,
  before: circumstances,
  after: circumstances,
});
export type ExperimentReproduction = z.infer<typeof experimentReproduction>;

export const experimentDocument = experimentRecord.extend({
  delta: z.number(),
  /** `scratch` first: it is the paper's. */
  answers: boundedList(experimentAnswer),
  published: publishedTable.extend({ rows: boundedList(publishedDifference) }).nullable(),
  notes: boundedList(boundedText),
  /** Result of a finished reproduction; null for other runs. */
  reproduction: experimentReproduction.nullable(),
});
export type ExperimentDocument = z.infer<typeof experimentDocument>;
