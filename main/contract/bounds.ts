import { z } from 'zod';

/**
 * Upper bounds on the numbers in a run. A run folder may come from anyone, and the engine computes with its contents:
 * within these bounds every number takes bounded time and memory. Each bound is far beyond any practical measurement.
 */

/**
 * Smallest margin of the threshold rule. At 5 %, half a per mille takes 5,990 items before anything can be called safe;
 * the number of items grows as 1 / delta, without bound.
 */
export const SMALLEST_MARGIN = 0.0005;
export const LARGEST_MARGIN = 0.5;
export const margin = z.number().min(SMALLEST_MARGIN).max(LARGEST_MARGIN);

/** Test items of a task: a hundred times the largest split in evaluation harnesses (MMLU has 14,042 in all). */
export const MOST_ITEMS = 1_000_000;
export const itemCount = z.number().int().min(0).max(MOST_ITEMS);

/** Models, tasks, curves and factors or seeds of one run: orders of magnitude more than a month-long sweep. */
export const MOST_MODELS = 256;
export const MOST_TASKS = 1_024;
export const MOST_CURVES = 512;
/** Distinct (size, net move) pairs of passages in one result. */
export const MOST_KINDS_OF_PASSAGES = 10_000;
export const MOST_FACTORS = 1_024;
export const MOST_SEEDS = 1_024;
export const MOST_CALIBRATION_DRAWS = 100;
/** Points of a sweep, or arms of an experiment: thirty times the bundled sample, which has 3,096. */
export const MOST_POINTS = 100_000;

/** A factor is E / kept: no layer has a million experts. */
export const LARGEST_FACTOR = 1_000_000;
export const factor = z.number().min(1).max(LARGEST_FACTOR);

/** Names of models, tasks and methods, item ids and groups; file systems allow 255 bytes. */
export const NAME_CHARACTERS = 1_024;
export const shortName = z.string().max(NAME_CHARACTERS);
/** Name of a folder that a run writes. */
export const folderName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
/** A sentence: a note may list the models of a run. */
export const SENTENCE_CHARACTERS = 20_000;
export const sentence = z.string().max(SENTENCE_CHARACTERS);
/** Notes and facts of a run: a dozen, and one for each of its models and tasks. */
export const MOST_NOTES = 1_000;
/** Title of a run: the names of two models and two tasks. */
export const TITLE_CHARACTERS = 5_000;

/** A date and time; its format allows any number of digits of a second. */
export const moment = z.iso.datetime().max(40);

// Whatever else a schema contains has these limits. They bound the work with a hostile file or message: a field with a
// smaller natural size has a limit of its own.

/** Weight files of a model: the largest published ones have some hundreds. */
export const MOST_SHARDS = 10_000;

/** Characters of a text: a prompt, a written answer, an imported file, a page. */
export const TEXT_CHARACTERS = 32 * 2 ** 20;
export const boundedText = z.string().max(TEXT_CHARACTERS);
/** Entries of a list: a number for each expert of every layer, or for each item. */
export const MOST_ENTRIES = 1_000_000;
export const boundedList = <T extends z.ZodType>(entry: T) => z.array(entry).max(MOST_ENTRIES);
/** Names in a record: versions, options, methods. */
export const MOST_NAMES = 10_000;
/** Tensors of a model, or tokens of a vocabulary: the largest published models have some 150,000 of each. */
export const MOST_TENSORS = 1_000_000;
export const boundedRecord = <K extends z.core.$ZodRecordKey, V extends z.ZodType>(
  key: K,
  value: V,
  most = MOST_NAMES,
) =>
  z.record(key, value).refine((record) => Object.keys(record).length <= most, {
    message: `more than ${most} names`,
  });
