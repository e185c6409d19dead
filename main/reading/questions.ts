import { z } from 'zod';
import { boundedList, boundedText, margin, shortName } from '../contract/bounds.ts';
import { pointName } from '../contract/curtailed-point.ts';
import { planRequest } from '../contract/calls.ts';
import { modelInfo } from '../contract/model.ts';
import { serialisedError } from '../contract/rpc.ts';
import { itemTraits, pointInTask } from '../contract/slices.ts';
import { answerKind } from '../contract/task.ts';

const run = shortName;
const reading = { delta: margin.optional(), familywise: z.boolean().optional() };

/** One for the views, one for a report, one for a plan. */
export const MOST_THREADS = 3;

/** Path of a profile file. */
const profile = boundedText.min(1);

/**
 * Questions about runs, answered from files on disk and computed from their outcomes each time; and computations on
 * profiles, which take long for models with many experts.
 */
export const readingQuestion = z.discriminatedUnion('read', [
  z.object({ read: z.literal('sweep'), run, ...reading }),
  /** The same as JSON text, for a page: of a large sweep that is read and sent in a fraction of the time. */
  z.object({ read: z.literal('sweep-text'), run, ...reading }),
  z.object({ read: z.literal('size-trend'), run, ...reading }),
  z.object({
    read: z.literal('comparison'),
    run,
    model: boundedText.optional(),
    factor: z.number().optional(),
    answers: answerKind.optional(),
    reference: boundedText.optional(),
    ...reading,
  }),
  z.object({ read: z.literal('frontier'), run }),
  z.object({ read: z.literal('sweeps'), runs: boundedList(run) }),
  pointName.extend({ read: z.literal('answers'), run }),
  z.object({
    read: z.literal('slices'),
    run,
    model: boundedText,
    task: boundedText,
    first: pointInTask,
    second: pointInTask,
    /** By item; null where the task's items are not at hand. */
    traits: boundedList(itemTraits).nullable(),
    /** What the lengths count. */
    unit: z.enum(['tokens', 'characters']),
  }),
  z.object({ read: z.literal('report'), run, ...reading }),
  z.object({ read: z.literal('figures'), run }),
  z.object({ read: z.literal('experiment'), run, delta: margin.optional() }),
  z.object({ read: z.literal('experiment-report'), run, delta: margin.optional() }),
  z.object({
    read: z.literal('plan'),
    subject: z.object({ name: boundedText, fingerprint: boundedText, info: modelInfo }),
    /** Names of the plan's tasks, and their profiles; no profiles where the method reads none. */
    tasks: boundedList(boundedText),
    profiles: boundedList(profile),
    order: planRequest.omit({ model: true, tasks: true, chat: true }),
    /** Whether constants are put in place of the experts that go, which leaves the router as it is. */
    leavesConstants: z.boolean(),
    /** Byte limit for weights, with which profiles that are kept for the next plan share the memory. */
    memoryBudgetBytes: z.number().positive(),
  }),
  z.object({ read: z.literal('likeness'), profile }),
]);
export type ReadingQuestion = z.input<typeof readingQuestion>;
export type ReadingName = ReadingQuestion['read'];
export type QuestionOf<N extends ReadingName> = Extract<ReadingQuestion, { read: N }>;
/** A question as the thread reads it, with its defaults. */
export type ParsedQuestion = z.output<typeof readingQuestion>;

/** To the reading thread, one at a time. */
export const readingOrder = z.object({
  workspace: boundedText.min(1),
  resources: boundedText.min(1),
  /** This user's folder outside of workspaces; null: nothing is remembered. */
  state: boundedText.min(1).nullable(),
  /** Runs that an engine is working on. */
  live: boundedList(run),
  question: readingQuestion,
});
export type ReadingOrder = z.input<typeof readingOrder>;

/** From the reading thread. */
export const readingReport = z.discriminatedUnion('is', [
  z.object({ is: z.literal('answer'), value: z.unknown() }),
  z.object({ is: z.literal('error'), error: serialisedError }),
]);
export type ReadingReport = z.input<typeof readingReport>;
