import { z } from 'zod';
import {
  boundedList,
  boundedText,
  itemCount,
  margin,
  MOST_CURVES,
  MOST_NOTES,
  MOST_TASKS,
  sentence,
  shortName,
} from './bounds.ts';
import { ggufType, weightType } from './export.ts';
import { pathHandle } from './model.ts';
import { gatesName, methodName, plan, refusedGates } from './plan.ts';
import { answerLoss, DEFAULT_DELTA, pointVerdict, sweepResult } from './sweep.ts';
import { setting } from './setting.ts';
import { metricName } from './task.ts';

/** The largest file or memory that a limit may name: a petabyte. */
const MOST_BYTES = 1e15;
const byteCount = z.number().int().positive().max(MOST_BYTES);

/**
 * What the model has to fit into: the bytes of its weight files; or a memory that holds the weights, and the keys and
 * values in 16 bits of one sequence of `context` tokens.
 */
export const fitLimit = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('bytes'), bytes: byteCount }),
  z.object({ kind: z.literal('memory'), bytes: byteCount, context: z.number().int().positive().max(1e9) }),
]);
export type FitLimit = z.infer<typeof fitLimit>;

/**
 * The form that the model is wanted in. `plan`: weights as stored, run by the workbench alone, which can keep different
 * numbers of experts in different layers.
 */
export const fitFormats = ['hf', 'gguf', 'onnx', 'plan'] as const;
export const fitFormat = z.enum(fitFormats);
export type FitFormat = z.infer<typeof fitFormat>;

/** The most runners-up that a test also answers. */
export const MOST_FINALISTS = 3;

/** Settings of a search with their texts; options and documents derive from them. */
export const describedFitSettings = z.object({
  format: setting(fitFormat.optional(), {
    label: 'Format',
    flag: 'format',
    help:
      'Form of the model: hf, a folder (types of compressed-tensors); gguf, a file for llama.cpp (types of GGUF); ' +
      'onnx; or plan, for the workbench alone, which can keep different numbers of experts in different layers.',
    otherwise: 'gguf for a GGUF file, else hf',
  }),
  methods: setting(z.array(methodName).min(1).max(MOST_CURVES).default(['reap', 'frequency']), {
    label: 'Methods',
    flag: 'method',
    help: 'Methods that make plans.',
  }),
  gates: setting(z.array(gatesName).min(1).max(3).default(['folded']), {
    label: 'Gates',
    flag: 'gates',
    refused: refusedGates,
    help: 'Gates of kept experts to try, where the router makes them matter.',
  }),
  refit: setting(z.boolean().default(false), {
    label: 'Refit',
    flag: 'refit',
    help: 'Also tries every plan with its experts refitted.',
  }),
  types: setting(z.array(weightType).min(1).max(MOST_CURVES).optional(), {
    label: 'Types',
    flag: 'types',
    help: 'Weight types to try: stored, and those of the format, of GGUF without f32 and nvfp4.',
    otherwise: 'all of these',
  }),
  minutes: setting(z.number().positive().max(100_000).default(60), {
    label: 'Minutes',
    flag: 'minutes',
    help: 'The search ends when it has taken this long, says what it did not try, and tests what it has.',
  }),
  delta: setting(margin.default(DEFAULT_DELTA), {
    label: 'Margin',
    flag: 'delta',
    help: 'The largest loss that still counts as safe.',
  }),
  seed: setting(z.number().int().nonnegative().default(0), {
    label: 'Seed',
    flag: 'seed',
    help: 'Draws the two parts of the calibration items, and plans of methods that draw.',
  }),
  profileShare: setting(z.number().min(0.1).max(0.9).default(0.5), {
    label: 'Profile share',
    flag: 'profile-share',
    help: 'Share of the calibration items that profiles read; candidates are scored on the others.',
  }),
  scoringItems: setting(itemCount.min(2).default(200), {
    label: 'Scoring items',
    flag: 'scoring-items',
    help: 'The most items that score a candidate.',
  }),
  typesByLayer: setting(z.boolean().optional(), {
    label: 'Types by layer',
    flag: 'types-by-layer',
    help: 'Also tries the best model of a GGUF file with fewer bits for the experts of layers that matter less.',
  }),
  finalists: setting(z.number().int().min(0).max(MOST_FINALISTS).default(MOST_FINALISTS), {
    label: 'Finalists',
    flag: 'finalists',
    help: 'Runners-up that answer the test items too.',
  }),
});

/** The most canaries, the characters of one, and of all: the manifest holds them. */
export const MOST_CANARIES = 2_000;
export const CANARY_CHARACTERS = 2_000;
export const ALL_CANARY_CHARACTERS = 200_000;

/** Probes that are tried after the test: those of the workbench, or lines of a user's file. */
export const canaries = z.discriminatedUnion('source', [
  z.object({ source: z.literal('ours') }),
  z.object({
    source: z.literal('own'),
    name: shortName,
    lines: z
      .array(z.string().max(CANARY_CHARACTERS))
      .max(MOST_CANARIES)
      .refine((lines) => lines.reduce((sum, { length }) => sum + length, 0) <= ALL_CANARY_CHARACTERS),
  }),
]);
export type Canaries = z.infer<typeof canaries>;

/** Settings of a search for the best model that fits. */
export const fitSettings = describedFitSettings.extend({
  limit: fitLimit,
  chat: z.boolean().optional(),
  canaries: canaries.optional(),
});

/** Forecasts that were tested, and those of them that held. */
export const callScore = z.object({
  tested: z.number().int().nonnegative().max(1_000_000),
  held: z.number().int().nonnegative().max(1_000_000),
});
export type CallScore = z.infer<typeof callScore>;

/** As a run records them: with the format, and the number of earlier looks at the test items. */
export const recordedFitSettings = fitSettings.extend({
  format: fitFormat,
  /** Runs of the workspace that measured this model on these test items before. */
  earlierLooks: z.number().int().nonnegative().max(1_000_000),
  /** What became of the forecasts of earlier searches; absent in older ones. */
  earlierCalls: callScore.optional(),
});
export type RecordedFitSettings = z.infer<typeof recordedFitSettings>;
/** What a search is made with, whoever looked at its test items before. */
export type FitSettings = Omit<RecordedFitSettings, 'earlierLooks' | 'earlierCalls'>;

/** One model that may be recommended. */
export const fitCandidate = z.object({
  /** Unique in the search. */
  name: shortName,
  /** Null: every expert stays. */
  method: methodName.nullable(),
  gates: gatesName.nullable(),
  refit: z.boolean(),
  /** Kept experts: of every layer, or of each in turn. */
  kept: z.union([z.number().int().positive(), boundedList(z.number().int().positive())]),
  weights: weightType,
  /** Types of the experts' weights by MoE layer in a GGUF file; absent: `weights`. */
  expertTypes: boundedList(ggufType).optional(),
  bytes: z.number(),
  /** With the keys and values of the wanted context; null where the limit is one of bytes. */
  memoryBytes: z.number().nullable(),
});
export type FitCandidate = z.infer<typeof fitCandidate>;

/** A candidate with what the search measured of it. */
export const scoredCandidate = fitCandidate.extend({
  /** Scoring items that it answered; 0: it was not tried. */
  items: itemCount,
  /** Loss of the right answer against the unpruned model, nats per item; null for fewer than two items. */
  loss: answerLoss.nullable(),
  /** It fits the limit; others show what a smaller or larger budget would bring. */
  fits: z.boolean(),
});
export type ScoredCandidate = z.infer<typeof scoredCandidate>;

/**
 * The choice, made before any test item is answered. Its hash is part of the key of every stored test answer, so none
 * can have been there before it.
 */
export const fitChoice = z.object({
  recommended: shortName,
  /** Runners-up, best first. */
  finalists: z.array(shortName).max(MOST_FINALISTS),
  /** Their plans, by position: the recommended one, then the finalists. */
  plans: z.array(plan).max(MOST_FINALISTS + 1),
  /** Everything that was scored, by which they were chosen. */
  scored: z.array(scoredCandidate).max(10_000),
});
export type FitChoice = z.infer<typeof fitChoice>;

/** Measured on test items. */
export const fitTested = z.object({
  name: shortName,
  result: sweepResult,
  /** At the margin and the level of this look; null where the unpruned model has nothing to lose. */
  verdict: pointVerdict.nullable(),
});
export type FitTested = z.infer<typeof fitTested>;

/** How the losses of single layers, added up, foretold a model whose layers differ in experts or in types. */
export const fitSurrogate = z.object({
  name: shortName,
  /** Sum of the losses of its layers, and the least sum of any plan of its size: nats per item. */
  predicted: z.number(),
  bound: z.number(),
  /** Uneven minus the best even plan of its bytes, on the same items; null where they were not compared. */
  against: answerLoss.nullable(),
});
export type FitSurrogate = z.infer<typeof fitSurrogate>;

/** Whether a model is foretold to be safe when it writes the answers of a task. */
export const forecastCall = z.object({
  name: shortName,
  /** The task with written answers. */
  task: shortName,
  /** Mean loss of the right answer on the items that the forecast reads, nats. */
  loss: z.number(),
  isSafe: z.boolean(),
});
export type ForecastCall = z.infer<typeof forecastCall>;

/** How far the model may be pruned when it writes its answers, foretold before the test from few chosen items. */
export const fitForecast = z.object({
  /** The written task, measured or not. */
  task: shortName,
  /** Why nothing is foretold; null where something is. */
  unknown: sentence.nullable(),
  method: methodName.nullable(),
  /** Mean losses in nats by ascending factor, of plans by the method. */
  curve: z.array(z.object({ factor: z.number().min(1), loss: z.number() })).max(16),
  calls: z.array(forecastCall).max(MOST_FINALISTS + 1),
  /** Calls of earlier searches of this workspace. */
  earlier: callScore,
});
export type FitForecast = z.infer<typeof fitForecast>;

/** What became of probes of other skills under the recommended plan. */
export const fitCanaries = z.object({
  source: z.enum(['ours', 'own']),
  probes: itemCount,
  /** Probes of ours whose answer has no token of its own in the model's vocabulary; absent: none. */
  leftOut: itemCount.optional(),
  /** The most exposed probes, and the least exposed ones, with which they are compared. */
  tested: itemCount,
  controls: itemCount,
  /** Probes that lost enough to tell of, tested or not. */
  losing: itemCount,
  /** Middle loss of the controls, nats. */
  controlLoss: z.number(),
  /** The largest share of routed choices that a control loses, and the smallest that a tested probe loses. */
  controlExposure: z.number(),
  testedExposure: z.number(),
  /** Probes that lost more than the controls do, the largest loss first. */
  changed: z
    .array(
      z.object({
        id: shortName,
        context: z.string().max(CANARY_CHARACTERS),
        answer: z.string().max(CANARY_CHARACTERS),
        exposure: z.number(),
        /** Log-probability that the answer lost, nats; of a text per token. */
        loss: z.number(),
        p: z.number(),
      }),
    )
    .max(MOST_CANARIES),
});
export type FitCanaries = z.infer<typeof fitCanaries>;

export const fitDocument = z.object({
  run: boundedText,
  model: shortName,
  task: shortName,
  metric: metricName,
  settings: recordedFitSettings,
  state: z.enum([
    'searching',
    'testing',
    'done',
    /** Ended before the test: the best so far, not tested. */
    'stopped',
  ]),
  /** Numbers of items: two parts of the calibration items, and the test items. */
  items: z.object({ profile: itemCount, scoring: itemCount, test: itemCount }),
  experts: z.number().int().positive(),
  /** Bytes of the unpruned model in the wanted form. */
  unprunedBytes: z.number(),
  candidates: z.array(scoredCandidate).max(10_000),
  surrogates: z.array(fitSurrogate).max(MOST_CURVES),
  /** Name of the recommended candidate; null: nothing was scored yet. */
  recommended: shortName.nullable(),
  finalists: z.array(shortName).max(MOST_FINALISTS),
  plan: plan.nullable(),
  /** SHA-256 of the file with the choice; null before it is made. */
  choiceHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  /** The unpruned model on the test items; null before the test. */
  unpruned: sweepResult.nullable(),
  tested: z.array(fitTested).max(MOST_FINALISTS + 1),
  /** The recommended model on the test items of further tasks, beside the unpruned one. */
  elsewhere: z.array(fitTested.extend({ task: shortName, unpruned: sweepResult })).max(1_024),
  /** Which look at the test items this is, from 1, and its one-sided level. */
  look: z.number().int().positive(),
  level: z.number().positive(),
  /** Absent before the choice, and for texts. */
  forecast: fitForecast.optional(),
  /** Absent without canaries. */
  canaries: fitCanaries.optional(),
  /** Answers to items by which the choice was made: candidates times items. */
  evaluations: z.number().int().nonnegative(),
  /** Those of models of other budgets, after the choice. */
  otherEvaluations: z.number().int().nonnegative(),
  /** Sentences on what was left out, and why. */
  untried: z.array(sentence).max(MOST_NOTES),
  /** Whether any of it was left out because the time was used up. */
  timeUsed: z.boolean(),
});
export type FitDocument = z.infer<typeof fitDocument>;

/** What is known before the work begins. */
export const fitPrediction = z.object({
  candidates: z.number().int().nonnegative(),
  /** Bytes of the smallest candidate in the wanted form, and of the largest that fits. */
  smallestBytes: z.number(),
  largestBytes: z.number(),
  items: fitDocument.shape.items,
  /** Tokens that the search and the test compute, at most. */
  tokens: z.number(),
  /** Rough range of minutes on this machine. */
  minutes: z.object({ low: z.number(), high: z.number() }),
  /** Memory that this engine needs to run the model. */
  memoryBytes: z.number(),
  /** Sentences: too few items, what is left out. */
  notes: z.array(sentence).max(MOST_NOTES),
});
export type FitPrediction = z.infer<typeof fitPrediction>;

/** Whether the test of a search is known to have come after its choice. */
export const fitProof = z.object({
  ok: z.boolean(),
  /** Stored test answers under the hash of the choice. */
  answers: z.number().int().nonnegative(),
  /** Sentences: what does not hold, or cannot be told. */
  problems: z.array(sentence).max(MOST_NOTES),
});
export type FitProof = z.infer<typeof fitProof>;

/** A search to make. */
export const fitRequest = z.object({
  model: pathHandle,
  /** The task that decides. */
  task: pathHandle,
  /** Tasks on which the recommended model is tried too. */
  elsewhere: z.array(pathHandle).max(MOST_TASKS).default([]),
  ...fitSettings.shape,
});
