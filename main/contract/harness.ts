import { z } from 'zod';
import { boundedList, itemCount, sentence, shortName } from './bounds.ts';
import { pathHandle } from './model.ts';

/** Members of a group that a list names; the largest groups have more, and count them. */
const MOST_MEMBERS = 100;
/** Names that are imported together. */
const MOST_IMPORTED = 200;
/** Examples in a prompt. */
export const MOST_EXAMPLES = 1_000;

/** A name of the harness. It reads an absolute path as a file, which nobody granted: a kept list may be a stranger's. */
const harnessName = shortName.regex(/^(?![/\\]|[a-z]:[/\\])/i);

/** What lm-evaluation-harness has under a name. */
export const harnessEntry = z.object({
  name: harnessName,
  /** A tag is a set of names; a group may also say how its members are averaged. */
  kind: z.enum(['task', 'group', 'tag']),
  /** Tasks below a group or a tag; 1 for a task. */
  tasks: z.number().int().min(0),
  members: z.array(shortName).max(MOST_MEMBERS),
  // What follows describes the task, or the first one below the name.
  /** The harness's word for how answers are given. */
  output: shortName,
  /** Repository of the data set and its configuration; empty where the task itself makes its data. */
  data: shortName,
  dataName: shortName,
  test: shortName,
  /** Split of the calibration items; empty where there is none beside the test split. */
  calibration: shortName,
  /** Examples in each prompt. */
  fewshot: z.number().int().min(0),
  metrics: z.array(shortName).max(20),
  /** Whether judging any of the tasks runs programs that a model writes. */
  runsPrograms: z.boolean(),
});
export type HarnessEntry = z.infer<typeof harnessEntry>;

export const harnessFound = z.object({
  /** The best ones first. */
  entries: boundedList(harnessEntry),
  /** How many there are in all. */
  total: z.number().int().min(0),
});

/** A name in detail. */
export const harnessFacts = z.object({
  entry: harnessEntry,
  /** Items of both splits as the card of the data set counts them; null where it does not, or was not read. */
  items: z.object({ test: itemCount, calibration: itemCount }).nullable(),
  /** Licence of the data set as its card names it; empty: it names none, or was not read. */
  licence: sentence,
  /** Why the card was not read; null: it was, or there is no data set. */
  unread: sentence.nullable(),
});
export type HarnessFacts = z.infer<typeof harnessFacts>;

const failure = z.object({ message: sentence, remedy: sentence });

/** The harness as a source of tasks for a workspace. */
export const harnessState = z.object({
  /** Why the workspace has no Python that could run it; null: it has one. */
  lacks: failure.extend({ code: shortName }).nullable(),
  /** Version of the harness whose names are listed; null: they were not listed yet. */
  listed: z.object({ version: shortName, names: z.number().int().min(0) }).nullable(),
  /** What it is doing, and its last line. */
  work: z.object({ what: z.enum(['list', 'import']), line: sentence }).nullable(),
  /** Why the last work failed. */
  failure: failure.nullable(),
  /** Tasks that the last import wrote, or found imported. */
  imported: boundedList(pathHandle),
});
export type HarnessState = z.infer<typeof harnessState>;

export const harnessOrder = z.object({
  names: z.array(harnessName.min(1)).min(1).max(MOST_IMPORTED),
  /** Examples in each prompt; null: as the task says. */
  fewshot: z.number().int().min(0).max(MOST_EXAMPLES).nullable().default(null),
  /** Most test items of each task, the first ones; null: all. */
  limit: itemCount.min(1).nullable().default(null),
  /** Also tasks whose judging runs programs that a model writes. */
  generatedCode: z.boolean().default(false),
});
export type HarnessOrder = z.infer<typeof harnessOrder>;
