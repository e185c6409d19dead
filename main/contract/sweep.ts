import { z } from 'zod';
import { chatSettings } from './chat.ts';
import {
  boundedList,
  boundedRecord,
  boundedText,
  factor,
  itemCount,
  margin,
  MOST_CALIBRATION_DRAWS,
  MOST_CURVES,
  MOST_FACTORS,
  MOST_KINDS_OF_PASSAGES,
  MOST_MODELS,
  MOST_NOTES,
  MOST_POINTS,
  MOST_SEEDS,
  MOST_TASKS,
  sentence,
  shortName,
} from './bounds.ts';
import { weightType } from './export.ts';
import { pathHandle } from './model.ts';
import {
  budgetName,
  budgetText,
  gatesName,
  gatesText,
  methodName,
  methodOptions,
  protectText,
  refitName,
  superExpertProtection,
} from './plan.ts';
import { tokenClasses } from './outcome.ts';
import { SAMPLER_PARTS } from './sampling.ts';
import { sweepFact } from './sweep-fact.ts';
import { setting } from './setting.ts';
import { runProvenance } from './provenance.ts';
import { metricName } from './task.ts';
import { recordedModel, runCheck } from './recorded.ts';
import { candidatePoint, curtailedPoint, type pointName } from './curtailed-point.ts';

/** Default non-inferiority margin: 2 points of accuracy. */
export const DEFAULT_DELTA = 0.02;

/** A method given as a file: its text, and its name for messages. */
export const fileMethod = z.object({ name: z.string().max(500), text: boundedText });

/** Default draws of a sweep: 0 is the published one of a method with a fixed seed. */
export const DEFAULT_SEEDS: readonly number[] = [0, 1, 2];

/** Settings of a sweep with their texts; command line, window, palette, definitions and report derive from them. */
export const describedSweepSettings = z.object({
  adaptive: setting(z.boolean().default(false), {
    label: 'adaptive',
    flag: 'adaptive',
    help: 'Bisect the number of kept experts until each threshold is exact, then confirm it by every larger count.',
    about:
      'After the listed factors, bisects the number of kept experts between the last safe factor and the first ' +
      'that is not safe until they are neighbours. Then confirms the result by testing every larger number of kept ' +
      'experts, starting from the largest.',
    part: 'factors',
  }),
  stop: setting(z.enum(['early']).optional(), {
    label: 'stop early',
    flag: 'stop',
    value: 'WHEN',
    help:
      'early: find the threshold only. Stop a candidate once no remaining answers could make it safe; end each ' +
      'curve at its first unsafe factor. Verdicts are those of all items.',
    otherwise: 'every candidate answers every item, continuing from the results on disk',
    about:
      'Finds thresholds only: a candidate stops once no remaining answers could make it safe, and a curve ' +
      'ends at its first factor that is not safe. The thresholds are the same as with all items; a stopped ' +
      'candidate has no accuracy. The same sweep without this option continues from the results on disk.',
    part: 'factors',
  }),
  budget: setting(budgetName.exclude(['manual']).default('uniform'), budgetText),
  protect: setting(superExpertProtection.default('none'), protectText),
  gates: setting(gatesName.default('folded'), gatesText),
  recovery: setting(z.enum(['none', 'both', 'only']).default('none'), {
    label: 'Recovery',
    help: 'Refit every plan: never, beside the bare plan (as a separate curve), or instead of it.',
    about:
      'Refits weights of what remains on the task’s calibration items, towards the unpruned model’s outputs; the ' +
      'choice beside it says which weights. Beside: each plan is measured with and without recovery, as two ' +
      'curves. Instead: with recovery only. Recovery can also have no effect or do harm; a sweep with both curves ' +
      'shows it.',
    words: { both: 'beside each plan', only: 'instead of each plan' },
    part: 'plans',
  }),
  refits: setting(boundedList(refitName).min(1).default(['experts']), {
    label: 'Refit',
    help: 'What recovered plans refit; each is a separate curve (+recovery, +router, +router+experts).',
    part: 'refits',
  }),
  weights: setting(boundedList(weightType).min(1).optional(), {
    label: 'Weights',
    flag: 'weights',
    help:
      'Weight types to measure every model at: stored, or rounded as a GGUF file (f32 to gguf_mxfp4) or a folder ' +
      'of compressed-tensors (fp8 to nvfp4) of a type stores them. Each type adds a curve per method (NAME@TYPE) ' +
      'and the unpruned model at that type.',
    about:
      'Measures the unpruned model and every candidate once per weight type: as stored, or rounded as a file ' +
      'of that type stores them (f32 to gguf_mxfp4: GGUF; fp8 to nvfp4: compressed-tensors). All are compared ' +
      'with the unpruned model at its stored weights. Activations are not rounded.',
    otherwise: 'stored only',
    part: 'weights',
  }),
  calibration: setting(z.enum(['answers', 'written', 'endings']).optional(), {
    label: 'Calibrate on',
    flag: 'calibration',
    value: 'WHAT',
    help:
      'Answers that plans are calibrated on in tasks with written answers: answers (the right ones), written ' +
      "(the unpruned model's own) or endings (its own complete ones, weighted to their ends).",
    about:
      'The text that profiles, searches and refits read after the question of a calibration item: its right ' +
      'answer, or the unpruned model’s own answer, which needs no labels and one pass of generation. Complete ' +
      'answers: only those that ended by themselves, with weights that rise from 1 to 4 towards their end.',
    words: {
      answers: 'right answers',
      written: 'the unpruned model’s answers',
      endings: 'its complete answers',
    },
    part: 'plans',
  }),
  seeds: setting(
    z
      .array(z.number().int().nonnegative())
      .min(1)
      .max(MOST_SEEDS)
      .default([...DEFAULT_SEEDS]),
    {
      label: 'Draws',
      flag: 'seeds',
      help:
        'Draws of methods whose plans depend on a seed; other methods are measured once. `uncurl methods NAME` says ' +
        'which is which.',
      about:
        'Draws of methods that depend on chance: a number alone gives the seeds 0, 1, 2, ..., and seeds with ' +
        'commas are taken as they are (“4, 7”; “7,” is one). Each draw is a candidate with its own interval, ' +
        'and draws are never pooled. A factor is safe over draws only if it is safe in every one.',
      control: 'count',
    },
  ),
  limit: setting(z.number().int().positive().nullable().default(null), {
    label: 'Item limit',
    flag: 'limit',
    help: 'Use only the first N test items of each task. Fewer items, wider intervals.',
    otherwise: 'all',
  }),
  looks: setting(
    z
      .string()
      .regex(/^[1-9]\d{0,6}(,[1-9]\d{0,6}){1,7}$/)
      .optional(),
    {
      label: 'Planned looks',
      flag: 'looks',
      value: 'N,N',
      range: 'ascending numbers of items, separated by commas',
      help:
        'Numbers of test items at which you will look, decided before the first: this sweep tests at the level of ' +
        'the look with --limit items (without a limit: of the last).',
      otherwise: 'one look, at 5 %',
      about:
        'Adding items until a factor is safe makes it safe by mistake more often than 5 %. With planned looks the ' +
        '5 % are spent over them in proportion to the items, so that the chance that any look is wrong is at most ' +
        '5 % for each curve. The look of this sweep is that of its item limit.',
      hint: '300,600,1200',
      part: 'factors',
    },
  ),
  delta: setting(margin.default(DEFAULT_DELTA), {
    label: 'Margin δ',
    flag: 'delta',
    help: 'Margin of the threshold rule in accuracy.',
    about:
      'The largest loss that still counts as safe. A factor is safe if the lower end of the one-sided 95 % interval ' +
      'of the difference is at least −δ. Outcomes are stored, so changing δ needs no inference.',
    step: 0.005,
    inPoints: true,
    common: [0.01, 0.02, 0.05],
  }),
  sample: setting(z.string().max(200).optional(), {
    label: 'Sampler',
    flag: 'sample',
    value: 'SAMPLER',
    range: 'NAME=NUMBER, separated by commas',
    hint: 'temperature=0.7,top_p=0.95,seed=0',
    help: `Draw each token of written answers ${SAMPLER_PARTS}`,
    otherwise: 'greedy',
    about:
      'Written answers are drawn token by token, with the filters of transformers in its order (temperature, ' +
      'top_k, top_p, min_p, repetition_penalty). A draw depends on seed, item, repeat and position only, so all ' +
      'candidates draw by the same numbers. Left empty, the likeliest token is taken.',
    part: 'plans',
  }),
  repeats: setting(z.number().int().min(1).max(100).optional(), {
    label: 'Repeats',
    flag: 'repeats',
    help: 'Texts to draw for each written item (with --sample); the unit of every interval stays the item.',
    otherwise: '1',
    about:
      'How many texts are drawn for each item of a written task. All of them count in the rates, and intervals and ' +
      'verdicts are those of items, since texts of one item are not independent.',
    common: [1, 5],
    part: 'plans',
  }),
  runGeneratedCode: setting(z.boolean().optional(), {
    label: 'run generated programs',
    flag: 'run-generated-code',
    help:
      'Allow tasks whose answers are programs (humaneval, mbpp): judging runs what the models write. A risk: see ' +
      '`uncurl help tasks`.',
    about:
      'Tasks such as humaneval and mbpp are judged by running the programs that the models write. They run without ' +
      'a network, unable to change a file, and with limits of time and memory; they can read the files of this ' +
      'user. Where a system cannot shut them in, the sweep is refused.',
    part: 'plans',
  }),
  fidelity: setting(z.boolean().optional(), {
    label: 'fidelity',
    flag: 'fidelity',
    help: 'Also compare next-token distributions with those of the unpruned model.',
    about:
      'Measures at every scored position how far the next-token distribution is from the unpruned model’s: ' +
      'KL, reverse KL, the share of positions with another likeliest token, and expected acceptance. Of ' +
      'written tasks: at every token that the unpruned model wrote. Last hidden states are kept in memory or ' +
      'on disk. Rounded weights and checkpoints made elsewhere are not compared.',
  }),
  referee: setting(z.number().int().positive().max(10_000).optional(), {
    label: 'Referee',
    flag: 'referee',
    help: 'With --engine torch: ask onnxruntime in float32 for this many answers of each model and task too.',
    about:
      'At the end of a sweep with PyTorch, onnxruntime in float32 gives that many of its answers too, drawn at ' +
      'random from all points of each model and task. A note says how many differ, at most how many of all answers ' +
      'do (exact one-sided 95 % limit), and which.',
    otherwise: 'none',
    hint: 'none',
  }),
  speed: setting(z.boolean().optional(), {
    label: 'speed',
    flag: 'speed',
    help: 'Measure prompt and decode tokens per second of every model, each written to a folder for it.',
    about:
      'Measures prompt and decode tokens per second of the unpruned model and of every plan. Each plan is exported ' +
      'to a temporary folder for this, so the sweep takes longer.',
  }),
  elsewhere: setting(z.boolean().optional(), {
    label: 'elsewhere',
    flag: 'elsewhere',
    help: 'Measure every plan on the other tasks too, and beside it one plan made for all tasks at once.',
    about:
      'Each plan is made for one task. This measures it on the other tasks of the sweep as well, at the listed ' +
      'factors, and beside it one plan made from the profiles of all tasks together. It shows what a plan loses ' +
      'where nobody looked, and up to which factor it is safe on every task.',
  }),
  calibrationDraws: setting(z.number().int().min(1).max(MOST_CALIBRATION_DRAWS).optional(), {
    label: 'Calibration draws',
    flag: 'calibration-draws',
    help: 'Times to draw the calibration items again; plans of every draw are measured at the listed factors.',
    otherwise: 'none',
    about:
      'Draws the calibration items of each task again with replacement, and makes and measures the plans of ' +
      'every draw: how much accuracy, kept experts and thresholds hang on the calibration items that happened ' +
      'to be there. The profiles of all draws take one pass. Methods that depend on chance use their first ' +
      'seed only.',
    common: [5, 10],
    part: 'plans',
  }),
  calibrationSizes: setting(
    z
      .string()
      .regex(/^[1-9]\d{0,6}(,[1-9]\d{0,6}){0,15}$/)
      .optional(),
    {
      label: 'Drawn items',
      flag: 'calibration-sizes',
      value: 'N,N',
      range: 'whole numbers of at least 1, separated by commas',
      help: 'Numbers of calibration items in a draw: shows how much the influence of chance falls with more items.',
      otherwise: 'as many as there are',
      about:
        'How many calibration items each calibration draw has, one or more numbers separated by commas. A smaller ' +
        'draw is the beginning of a larger one, so that sizes can be compared.',
      part: 'plans',
    },
  ),
});
export type DescribedSweepSettings = z.infer<typeof describedSweepSettings>;

/** The work of a sweep: candidates (methods x factors x seeds) x tasks, per model. */
export const sweepSettings = z.object({
  methods: z.array(methodName).min(1).max(MOST_CURVES),
  /** Methods that are files: rankings or plans made elsewhere. Absent: none. */
  files: boundedRecord(methodName, fileMethod).optional(),
  /** Pruning factors; 1 (unpruned) is always measured. */
  factors: z.array(factor).min(1).max(MOST_FACTORS),
  options: boundedRecord(methodName, methodOptions).default({}),
  /** Ask every model through its own chat template. */
  chat: z.boolean().optional(),
  ...chatSettings.shape,
  /** Model and task (by name) to measure before the others. */
  first: z.object({ model: boundedText.optional(), task: boundedText.optional() }).optional(),
  ...describedSweepSettings.shape,
});
export type SweepSettings = z.infer<typeof sweepSettings>;

/** Candidates in a sweep's manifest, beside its settings. */
export const recordedCandidates = z.object({
  candidates: boundedList(recordedModel).default([]),
});

/** Begins with a letter, so that it cannot be an option or a path. */
export const candidateName = z.string().regex(/^[A-Za-z][A-Za-z0-9 ._+-]{0,63}$/);

export const sweepRequest = z.object({
  models: z.array(pathHandle).min(1).max(MOST_MODELS),
  tasks: z.array(pathHandle).min(1).max(MOST_TASKS),
  settings: sweepSettings,
  /** Checkpoints made elsewhere that are measured beside the plans, each a curve of its name; with one model only. */
  candidates: z
    .array(z.object({ name: candidateName, folder: pathHandle }))
    .max(MOST_CURVES)
    .default([]),
  /** Create the run without starting it: `work` in other processes, or resuming it, does the measuring. */
  later: z.boolean().optional(),
});
export type SweepRequest = z.infer<typeof sweepRequest>;

/**
 * Verdict of a test of one candidate at a margin: `safe` (not worse by more than delta), `worse` (worse by more than
 * delta: the upper end of the one-sided interval lies below -delta), or neither, `undecided`. "Unsafe", also in names
 * such as `firstUnsafe`, means undecided or worse. `at-chance` takes the place of a verdict where the unpruned model
 * itself is not above chance, and `nothing-to-lose` where it is not shown to be above chance (or 0) by more than delta.
 */
export const pointVerdict = z.enum(['safe', 'undecided', 'worse', 'at-chance', 'nothing-to-lose']);
export type PointVerdict = z.infer<typeof pointVerdict>;

/** Storage and compute cost of a point's model. */
export const pointCost = z.object({
  /** Bytes of all weights, in their stored types. */
  bytes: z.number(),
  /** Parameters that a token uses. */
  activeParameters: z.number(),
  /** Keys and values of one token in all layers, in float32. */
  cacheBytesPerToken: z.number(),
  /** Measured on the device of the run, if requested; one sequence at a time. */
  promptTokensPerSecond: z.number().optional(),
  decodeTokensPerSecond: z.number().optional(),
});
export type PointCost = z.infer<typeof pointCost>;

/** Groups that items share, and by how many items those of each size moved. */
const groups = z.object({
  count: itemCount,
  moves: z
    .array(
      z
        .object({ items: itemCount.min(1), net: z.number().int(), groups: itemCount.min(1) })
        .refine(({ items, net }) => Math.abs(net) <= items, {
          error: 'a passage moves by more items than it has',
        }),
    )
    .min(1)
    .max(MOST_KINDS_OF_PASSAGES),
});

/**
 * How the texts of a candidate end: shares in 0..1. A text ends by a stop string or an end token; of the others, some
 * loop and the rest run out of tokens. `difference` and what follows it: of `ended`, as a result has them of its value.
 */
export const endings = z.object({
  ended: z.number(),
  /** Null where outcomes of an earlier version do not say whether a text looped. */
  looped: z.number().nullable(),
  difference: z.number(),
  low: z.number(),
  high: z.number(),
  lowOneSided: z.number(),
  highOneSided: z.number(),
  p: z.number().nullable(),
  lost: itemCount,
  gained: itemCount,
  /** Where items were written several times: their moves from ended to not ended, as a result has them of its value. */
  groups: groups.optional(),
});
export type Endings = z.infer<typeof endings>;

/**
 * Log-probability (natural logarithm) that the right choice loses by pruning, mean over items with its two-sided 95 %
 * interval: Student's t of the items, or of the passages that they share.
 */
export const answerLoss = z.object({ mean: z.number(), low: z.number(), high: z.number() });
export type AnswerLoss = z.infer<typeof answerLoss>;

/**
 * Share of items of which at least one of k texts is right (0..1), and its difference from the unpruned model with the
 * two-sided 95 % interval: Student's t of the items.
 */
export const passAtK = z.object({
  k: z.number().int().min(2).max(100),
  value: z.number(),
  difference: z.number(),
  low: z.number(),
  high: z.number(),
});
export type PassAtK = z.infer<typeof passAtK>;

/**
 * How far the next-token distributions are from the unpruned model's, mean over scored positions (`ItemFidelity`) with
 * two-sided 95 % intervals: Student's t of the items, or of the passages that they share, as of a ratio of sums.
 */
export const fidelity = z.object({
  positions: itemCount.min(1),
  kl: answerLoss,
  reverseKl: answerLoss,
  changed: answerLoss,
  acceptance: answerLoss,
  /** By the class of the token at the position, in the order of `tokenClasses`; absent if none. */
  classes: boundedList(
    z.object({ name: z.enum(tokenClasses), positions: itemCount.min(1), kl: answerLoss, changed: answerLoss }),
  ).optional(),
});
export type Fidelity = z.infer<typeof fidelity>;

/** One candidate on one task. Intervals are paired with the unpruned model on the same items. */
export const sweepResult = candidatePoint
  .extend({
    /** Test items. */
    n: itemCount.min(1),
    /** Answered items: always all of them, since curtailed candidates are no results. */
    evaluated: itemCount,
    metric: metricName,
    /** Value of `metric`: accuracy or exact match in 0..1, or perplexity. */
    value: z.number(),
    acc: z.number().nullable(),
    accNorm: z.number().nullable(),
    perplexity: z.number().nullable(),
    /** value - unpruned value, with the two-sided 95 % interval (Tango; bootstrap for perplexity). */
    difference: z.number(),
    low: z.number(),
    high: z.number(),
    /**
     * Lower end of the one-sided 95 % interval that the threshold rule reads at the document's margin: at least -delta
     * exactly where the test at 5 % says safe. For differences of accuracies: Tango's limit at the critical score of
     * the exact test, which depends a little on the margin. For perplexity:
     * of minus the rise of log-perplexity (nats per token).
     */
    lowOneSided: z.number(),
    /** Upper end of the same; below -delta exactly where the test says worse. */
    highOneSided: z.number(),
    /**
     * For perplexity: the lower end at the level `alpha` of the bootstrap. A test at 5 %, or at a stricter level of a
     * familywise reading, takes the end at half its level; the level is nominal.
     */
    lowTail: z
      .array(z.object({ alpha: z.number(), low: z.number() }))
      .max(MOST_CURVES)
      .optional(),
    /**
     * Where items share passages: how many passages, and how many of each size (`items`) gained how many items more
     * than they lost (`net`). Intervals and verdicts are those of passages.
     */
    groups: groups.optional(),
    /**
     * How well the level of the test behind the verdict is guaranteed. Absent: exactly (independent items). `simulated`
     * (passages): wherever it was enumerated or simulated. `nominal` (perplexity): not where texts have heavy tails.
     */
    level: z.enum(['simulated', 'nominal']).optional(),
    /** At the margin and level of the document's thresholds; null for the unpruned model. Absent before one is set. */
    verdict: pointVerdict.nullable().optional(),
    /** Two-sided exact McNemar; null for perplexity and for the unpruned model itself. */
    p: z.number().nullable(),
    /**
     * Accuracy of guessing, and the one-sided exact p of reaching this accuracy or a better one by guessing. Present
     * only in the unpruned model's point on items with choices.
     */
    chance: z.object({ accuracy: z.number(), p: z.number() }).optional(),
    /** Items that only the unpruned model, or only the candidate, answers correctly; 0 for perplexity. */
    lost: itemCount,
    gained: itemCount,
    /** Items whose context was cut on the left to fit max_position_embeddings. */
    truncated: itemCount,
    /** How written answers end; absent for other tasks. */
    endings: endings.optional(),
    /** Present for tasks with choices and at least two items (or passages). */
    answerLoss: answerLoss.optional(),
    /** For k of 2, 4, 8, ... and all texts of an item, where items were written several times; absent elsewhere. */
    passAtK: z.array(passAtK).min(1).max(20).optional(),
    /** Where the sweep measured it, for tasks with scored answers and at least two items (or passages). */
    fidelity: fidelity.optional(),
    /** Absent in old documents. */
    cost: pointCost.optional(),
  })
  .refine(({ lost, gained, n }) => lost + gained <= n, { error: 'more items lost and gained than there are' });
export type SweepResult = z.infer<typeof sweepResult>;

/**
 * A plan measured on a task that it was not made for: made for another task of the sweep, or (null) for all tasks at
 * once. `result.task` is the task that it was measured on.
 */
export const elsewherePoint = z.object({ madeFor: shortName.nullable(), result: sweepResult });
export type ElsewherePoint = z.infer<typeof elsewherePoint>;

/**
 * A plan made from calibration items that were drawn again, measured on the test items as the plan of all items is.
 * `result.seed`: that of the plan, as in the results; the draw has a number of its own.
 */
export const calibrationDraw = z.object({
  /** Number of the draw, from 0: its seed. */
  draw: z.number().int().min(0).max(MOST_CALIBRATION_DRAWS),
  /** Wanted number of calibration items; null: as many as there are. */
  size: itemCount.min(1).nullable(),
  /** Calibration items drawn, each as often as it was drawn: with passages a few more than wanted. */
  items: itemCount.min(1),
  /**
   * Share of the experts that the plan of all items keeps which this one keeps too; of merging plans, the share of the
   * pairs of experts merged with each other. Null where that one merges none.
   */
  inCommon: z.number().min(0).max(1).nullable(),
  /** Spearman's rank correlation of the experts' scores with those of all items, mean over layers that have one. */
  rankCorrelation: z.number().min(-1).max(1).nullable(),
  /** Experts in all layers, and how many had fewer than `FEW_TOKENS` tokens: in this draw, and on all items. */
  experts: z.number().int().min(1),
  fewTokens: z.number().int().min(0),
  fewTokensOfAll: z.number().int().min(0),
  result: sweepResult,
});
export type CalibrationDraw = z.infer<typeof calibrationDraw>;

/** An expert with fewer tokens than this has no score that means anything. */
export const FEW_TOKENS = 8;

export const verdict = z.enum([
  /** lastSafe and firstUnsafe are both tested. */
  'found',
  /** Every tested factor is safe: the threshold is at least the largest tested. */
  'all-safe',
  /** The smallest tested factor above 1 is already unsafe. */
  'none-safe',
  /** Too few items: even a candidate that answers every item as the unpruned model does could not be called safe. */
  'cannot-tell',
  /** The unpruned model is not above chance: a pruned one has nothing to lose. */
  'at-chance',
  /** The unpruned model is not shown to be above chance, or 0, by more than delta: there is no room to lose delta. */
  'nothing-to-lose',
]);
export type Verdict = z.infer<typeof verdict>;

/** Wanted chance that a test calls an unharmed candidate safe. */
export const WANTED_CHANCE = 0.8;

/** Power of a test: the chance that a candidate without any true difference is called safe. */
export const testPower = z.object({
  /** Share of discordant items (lost or gained) of the point where the threshold ends. */
  discordance: z.number(),
  chance: z.number(),
  /** Number of items at which that chance would be `WANTED_CHANCE`. */
  itemsForWanted: z.number(),
});
export type TestPower = z.infer<typeof testPower>;

const bracketOfFactors = {
  /**
   * Largest tested factor such that it and every smaller tested factor are safe; 1 where none is; null: cannot tell, or
   * nothing to lose.
   */
  factor: z.number().nullable(),
  lastSafe: z.number().nullable(),
  firstUnsafe: z.number().nullable(),
};

/** Position of a threshold. */
const bracket = {
  ...bracketOfFactors,
  /**
   * Smallest tested factor such that it and every larger tested factor are worse (in every draw where there are
   * several); null where not even the largest is. Between `lastSafe` and it the test is undecided.
   */
  firstWorse: z.number().nullable().default(null),
  verdict,
};

/**
 * How far plans are safe on every task of a sweep: a factor is safe if it and every smaller measured factor are safe on
 * each task (and in each draw), but for tasks where the unpruned model has nothing to lose.
 */
export const everywhere = z.object({
  ...bracketOfFactors,
  verdict,
  tasks: z.number().int().min(0).max(MOST_TASKS),
});
export type Everywhere = z.infer<typeof everywhere>;

/** The same for plans made for all tasks at once. */
export const togetherThreshold = z.object({ model: shortName, method: shortName, ...everywhere.shape });
export type TogetherThreshold = z.infer<typeof togetherThreshold>;

export const drawThreshold = z.object({ seed: z.number(), ...bracket });
export type DrawThreshold = z.infer<typeof drawThreshold>;

/**
 * The threshold of one draw (`seed`), of a method without draws (null), or over all draws of a method (null, `draws`
 * lists them): there a factor is safe only if it is safe in every draw.
 */
export const threshold = z.object({
  model: shortName,
  task: shortName,
  method: shortName,
  seed: z.number().nullable(),
  ...bracket,
  delta: z.number(),
  n: z.number(),
  /**
   * For a task with written answers: the threshold up to which its texts end as often as the unpruned model's, by the
   * same rule, margin and items. Absent where candidates were curtailed.
   */
  endings: z.object(bracket).optional(),
  /** Up to which factor plans made for this task are safe on every task, if the sweep measured it. */
  everywhere: everywhere.optional(),
  /** For a threshold over several draws: that of each, by seed. Absent elsewhere. */
  draws: z.array(drawThreshold).max(MOST_SEEDS).optional(),
  /** Where the first unsafe factor is undecided, or nothing can be determined; for accuracies only. */
  power: testPower.nullable().default(null),
});
export type Threshold = z.infer<typeof threshold>;

/** How many thresholds were determined, and at which level each. */
export const multiplicity = z.object({
  /** Whether the 5 % chance of a wrong threshold is for all of them together, rather than for each. */
  familywise: z.boolean(),
  /** Curves (model, task, method) with enough items at 5 %, and thresholds determined at `alpha`. */
  curves: z.number(),
  decided: z.number(),
  /** One-sided level of each test. */
  alpha: z.number(),
  sentence: boundedText,
});
export type Multiplicity = z.infer<typeof multiplicity>;

/** Order of a sweep's points. */
export const sweepOrder = z.object({
  models: boundedList(boundedText),
  tasks: boundedList(boundedText),
  methods: boundedList(boundedText),
});

export const sweepDocument = z.object({
  run: shortName,
  results: z.array(sweepResult).max(MOST_POINTS),
  /** Candidates curtailed before they had answered every item: without accuracy and interval. */
  curtailed: z.array(curtailedPoint).max(MOST_POINTS).optional(),
  /** Candidates beyond the first unsafe factor of their curve, which were not measured. */
  notNeeded: z.array(candidatePoint).max(MOST_POINTS).optional(),
  thresholds: z.array(threshold).max(MOST_POINTS),
  /** Plans measured on tasks that they were not made for. Absent where that was not requested. */
  elsewhere: z.array(elsewherePoint).max(MOST_POINTS).optional(),
  /** Plans made from calibration items that were drawn again. Absent where that was not requested. */
  calibrationDraws: z.array(calibrationDraw).max(MOST_POINTS).optional(),
  /** How far plans made for all tasks at once are safe on every task. */
  together: z.array(togetherThreshold).max(MOST_CURVES).optional(),
  /** One-sided level of each test, where the sweep is one of several planned looks; absent: 5 %. */
  level: z.number().gt(0).max(0.05).optional(),
  /** The rule in words, with delta and the level. */
  rule: sentence,
  multiplicity: multiplicity.optional(),
  /** Omissions and warnings, for example factors that a model cannot reach. */
  facts: z.array(sweepFact).max(MOST_NOTES).optional(),
  /** The same in sentences, made when the document is read; never stored in a file. */
  notes: z.array(sentence).max(MOST_NOTES).optional(),
  /** Result of checking a document that was read from a run's folder; never stored in a file. */
  check: runCheck.optional(),
  /** Only as read: whether the run was measured here. */
  provenance: runProvenance.optional(),
  /** Only while it runs, for whoever applies its changes: the order of its points, and how thresholds were read. */
  running: z
    .object({
      order: sweepOrder,
      reading: z.object({ delta: z.number(), familywise: z.boolean().optional() }),
    })
    .optional(),
});
export type SweepDocument = z.infer<typeof sweepDocument>;

/** The document in a sweep's folder. */
export const recordedSweepDocument = sweepDocument
  .omit({ check: true, provenance: true, running: true, notes: true })
  .required({ facts: true });

/** Method name of the unpruned model's points in a sweep. */
export const UNPRUNED = 'unpruned';

/** One-sided level of the test of the unpruned model against chance. */
const CHANCE_LEVEL = 0.05;

/** Whether an unpruned model's result is not above chance, by the one-sided exact test at 5 %. */
export const isAtChance = ({ chance }: Pick<SweepResult, 'chance'>): boolean =>
  chance !== undefined && chance.p > CHANCE_LEVEL;

/** Whether a verdict says that the unpruned model has nothing to lose, so that no verdict is possible. */
export const isNothingToLose = (
  verdict: PointVerdict | Verdict | null | undefined,
): verdict is 'at-chance' | 'nothing-to-lose' => verdict === 'at-chance' || verdict === 'nothing-to-lose';

/** Relative tolerance between two computations of one factor: factors are quotients of small whole numbers. */
const FACTOR_ROUNDING = 1e-9;

/** Whether two factors are equal up to rounding. */
export const isSameFactor = (left: number, right: number): boolean =>
  Math.abs(left - right) <= FACTOR_ROUNDING * Math.max(Math.abs(left), Math.abs(right));

/** Whether a factor is at most `limit`, up to rounding. */
export const isFactorAtMost = (factor: number, limit: number): boolean =>
  factor <= limit || isSameFactor(factor, limit);

/** The same text for two factors that are equal up to rounding, for tables by factor. */
export const factorKey = (factor: number): string => factor.toFixed(9);

export type PointName = z.infer<typeof pointName>;

/** The same text for two names of one point, whose factors may come from different files. */
export const pointNameKey = ({ model, task, method, seed, factor }: PointName): string =>
  JSON.stringify([model, task, method, seed, factorKey(factor)]);

type CurveName = Omit<PointName, 'factor'>;

/** Whether two names are of one curve: a model, a task, a method and a draw. */
export const isSameCurve = (left: CurveName, right: CurveName): boolean =>
  left.model === right.model && left.task === right.task && left.method === right.method && left.seed === right.seed;

/** Whether two names are of one point. */
export const isSamePoint = (left: PointName, right: PointName): boolean =>
  isSameCurve(left, right) && isSameFactor(left.factor, right.factor);

/** Number of draws with a property, of those that determine it. */
export interface DrawCount {
  readonly count: number;
  readonly of: number;
}

/**
 * For a threshold over draws: how many single draws are safe at a factor and every smaller one, of those that determine
 * it. 0 of 0 for a method without draws.
 */
export const safeDrawsAt = ({ draws = [] }: Pick<Threshold, 'draws'>, factor: number): DrawCount => {
  const decided = draws.flatMap(({ lastSafe, firstUnsafe }) => {
    if (lastSafe === null) return [];
    if (isFactorAtMost(factor, lastSafe)) return [true];
    return firstUnsafe !== null && isFactorAtMost(firstUnsafe, factor) ? [false] : [];
  });
  return { count: decided.filter((isSafe) => isSafe).length, of: decided.length };
};
