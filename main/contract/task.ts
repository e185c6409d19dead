import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from './bounds.ts';
import { calibrationChoice } from './calibration.ts';
import { changedSince, pathHandle } from './model.ts';

/** `ending`: share of generated texts that end by a stop string or an end token; its items need no right answer. */
export const metricName = z.enum(['acc', 'acc_norm', 'perplexity', 'exact_match', 'ending']);
export type MetricName = z.infer<typeof metricName>;

/**
 * How a task's items are answered: by a choice, or by generated text. A task and its generated twin have the same
 * items; counts, ranks and tests over both together would count every item twice, so each covers one kind.
 */
export const answerKind = z.enum(['chosen', 'written']);
export type AnswerKind = z.infer<typeof answerKind>;

/** Perplexity tasks count as chosen: nothing is generated. */
export const answersOf = ({ metric }: { readonly metric: MetricName }): AnswerKind =>
  metric === 'exact_match' || metric === 'ending' ? 'written' : 'chosen';

/** Multiple-choice item: context and choice are concatenated unchanged; `answer` indexes `choices`. */
export const choiceItem = z.object({
  id: boundedText.min(1),
  context: boundedText,
  choices: boundedList(boundedText).min(2),
  answer: z.number().int().nonnegative(),
  /** Other choices that are right too; `answer` is then the one that a profile reads. */
  alsoRight: boundedList(z.number().int().nonnegative()).min(1).optional(),
  /** Items of one group (a shared passage) are not independent: intervals are then those of groups. */
  group: boundedText.min(1).optional(),
  /** Divisor of each choice's log-probability for acc_norm; absent: its length in code points. */
  lengths: boundedList(z.number().int().positive()).optional(),
  /** Context of each choice, where they differ; `context` is then that of the right one. */
  contexts: boundedList(boundedText).optional(),
});
export type ChoiceItem = z.infer<typeof choiceItem>;

/** Divisor of each choice's log-probability for acc_norm. Characters are code points, as Python counts them. */
export const choiceLengths = ({ choices, lengths }: Pick<ChoiceItem, 'choices' | 'lengths'>): readonly number[] =>
  lengths ?? choices.map((choice) => Array.from(choice).length);

/** Text whose rolling log-likelihood is measured (perplexity). */
export const textItem = z.object({ id: boundedText.min(1), text: boundedText.min(1) });
export type TextItem = z.infer<typeof textItem>;

/**
 * An item with a generated answer: greedy decoding continues `context` until a stop string of `until` or the end token
 * appears, or `maxNewTokens` are generated. It is right where the text equals any of `answers`; a prompt alone has
 * none.
 */
export interface WrittenItem {
  readonly id: string;
  readonly context: string;
  readonly answers: readonly string[];
  /** The right answer with what ends it, as a profile reads it; absent: the first answer. */
  readonly profiled?: string;
  /** How many times as much as a token of the context the profiled answer's last token counts; absent: all alike. */
  readonly endWeight?: number;
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  /** Text or token that ends the thinking of a model: what follows its last occurrence is the answer. */
  readonly thinkEnd?: string;
  /** For an item that is written several times: number of the repeat, from 0, and the item that all repeats share. */
  readonly repeat?: number;
  readonly group?: string;
  /** Texts of the choices in the context; only the filter multi_choice_regex reads them. */
  readonly options?: readonly string[];
  /** Where a task's own Python judges: its document, as JSON with the name of its task. */
  readonly document?: string;
}

/**
 * A written item in a file: one answer, several of which any is right, or none (a prompt alone); its task says where
 * decoding stops.
 */
export const writtenRow = z.object({
  id: boundedText.min(1),
  context: boundedText,
  answer: boundedText.min(1).optional(),
  answers: boundedList(boundedText.min(1)).min(1).optional(),
  options: boundedList(boundedText).min(2).optional(),
  document: boundedText.optional(),
});

export type TaskItem = ChoiceItem | TextItem | WrittenItem;

/** One pipeline of filters in lm-evaluation-harness's own terms; it gives its own metric, `exact_match,<name>`. */
export const filterPipeline = z.object({
  name: boundedText.min(1),
  filter: boundedList(z.looseObject({ function: boundedText })).min(1),
});
export type FilterPipeline = z.infer<typeof filterPipeline>;

/** Parts removed from an answer and from the generated text before they are compared, in this order. */
export const exactMatchOptions = z.object({
  /** Regular expressions (Python's) whose matches are removed. */
  regexes_to_ignore: boundedList(boundedText).optional(),
  ignore_case: z.boolean().optional(),
  /** ASCII punctuation. */
  ignore_punctuation: z.boolean().optional(),
  /** ASCII digits. */
  ignore_numbers: z.boolean().optional(),
});
export type ExactMatchOptions = z.infer<typeof exactMatchOptions>;

/** Accuracy by model name with each item's choices after another item's question: what the choices alone reveal. */
export const withoutQuestion = boundedRecord(boundedText, z.number().min(0).max(1));

const harnessName = z.string().max(300);

/** Where a task of lm-evaluation-harness came from: version, seeds, and each of its tasks with its data set. */
export const harnessOrigin = z.object({
  version: harnessName,
  seeds: boundedRecord(harnessName, z.number().int()),
  tasks: z
    .array(
      z.object({
        task: harnessName,
        taskVersion: harnessName,
        dataset: harnessName,
        datasetName: harnessName,
        testSplit: harnessName,
        /** Empty: there is none. */
        calibrationSplit: harnessName,
        /** Fingerprint that the library datasets gives the test split. */
        fingerprint: harnessName,
        fewshot: z.number().int().nonnegative(),
        outputType: harnessName,
        metrics: z.array(harnessName).max(50),
        items: z.number().int().nonnegative(),
      }),
    )
    .max(2_000),
});
export type HarnessOrigin = z.infer<typeof harnessOrigin>;

/** How a task's own Python in lm-evaluation-harness judges written answers (resources/harness/judge_texts.py). */
export const pythonJudging = z.object({
  /** Filters before it, by the name of their pipeline. */
  pipeline: harnessName,
  /** The metric that says right or wrong of each text; empty: the first one that the task gives. */
  metric: harnessName,
  /** Judging runs programs that a model wrote. */
  generatedCode: z.boolean(),
  /** Each task of a group: its file below the harness's own tasks, and its number of right answers, 0 for one. */
  tasks: boundedRecord(
    harnessName,
    z.object({ file: z.string().max(1_000), multipleTargets: z.number().int().nonnegative() }),
  ),
});
export type PythonJudging = z.infer<typeof pythonJudging>;

/** `task.json` of a task folder. */
export const taskMetadata = z.object({
  name: boundedText.min(1),
  title: boundedText.optional(),
  description: boundedText.optional(),
  metric: metricName.default('acc'),
  source: boundedText.optional(),
  licence: boundedText.optional(),
  /**
   * Examples from the calibration split before every item, drawn by `seed` (1234), each followed by the delimiter
   * ("\n\n").
   */
  fewshot: z.number().int().nonnegative().optional(),
  seed: z.number().int().nonnegative().optional(),
  fewshotDelimiter: boundedText.optional(),
  /**
   * Folder with the items, relative to this one: the right choice of each, up to the first stop string, is its answer.
   */
  itemsOf: boundedText.min(1).optional(),
  /**
   * Strings that end the generated text (default: the few-shot delimiter), and its largest number of tokens (default
   * 256).
   */
  until: boundedList(boundedText.min(1, 'a stop string is empty')).optional(),
  maxNewTokens: z.number().int().positive().optional(),
  filters: boundedList(filterPipeline).min(1).optional(),
  ...exactMatchOptions.shape,
  judge: pythonJudging.optional(),
  withoutQuestion: withoutQuestion.optional(),
  harness: harnessOrigin.optional(),
});
export type TaskMetadata = z.infer<typeof taskMetadata>;

export const taskEntry = z.object({
  handle: pathHandle,
  name: boundedText,
  title: boundedText,
  description: boundedText,
  metric: metricName,
  source: boundedText,
  licence: boundedText,
  path: boundedText,
  bundled: z.boolean(),
  /** Items in each split; a plain JSONL file has test items only and cannot be profiled. */
  items: z.object({ calibration: z.number(), test: z.number() }),
  /**
   * Accuracy of guessing: mean of right choices / choices over the test items; null for perplexity and for generated
   * answers.
   */
  chance: z.number().nullable(),
  /** Where answers are written: their stop strings, and their most tokens. */
  writing: z.object({ until: boundedList(boundedText), maxNewTokens: z.number() }).optional(),
  /** A sentence on test items whose answers no text can equal; absent where there are none. */
  unreachable: boundedText.optional(),
  /** From the task's folder; empty where it states none. */
  withoutQuestion: withoutQuestion.default({}),
  hash: boundedText.nullable(),
  error: boundedText.nullable(),
  changed: changedSince.optional(),
  /** For a task that was given calibration items here: the file of the items, and the choice. */
  calibrated: z.object({ items: boundedText, choice: calibrationChoice }).optional(),
});
export type TaskEntry = z.infer<typeof taskEntry>;

/** Whether a task can be opened, but not profiled: it has test items only. */
export const lacksCalibration = ({ error, items }: Pick<TaskEntry, 'error' | 'items'>): boolean =>
  error === null && items.calibration === 0;
