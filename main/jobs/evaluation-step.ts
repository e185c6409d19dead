import { z } from 'zod';
import { CancelledError, WorkbenchError } from '../contract/errors.ts';
import { plan, type Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import type { ChoiceOutcome, ItemOutcome, TextOutcome } from '../contract/outcome.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';

const whole = z.number().int();

/** Outcomes by column: a third of the size of one object per item. */
const choiceColumns = z.object({
  kind: z.literal('choice'),
  ids: z.array(z.string()),
  answer: z.array(whole),
  chosen: z.array(whole),
  chosenNorm: z.array(whole),
  truncatedTokens: z.array(whole),
  logprobs: z.array(z.array(z.number())),
  /** Group of each item, where all have one. */
  groups: z.array(z.string()).optional(),
});

const textColumns = z.object({
  kind: z.literal('text'),
  ids: z.array(z.string()),
  tokens: z.array(whole),
  logprob: z.array(z.number()),
});

/** What an evaluation step stores: the plan it ran and what the model answered to every item. */
const storedRecord = z.object({
  kind: z.literal('evaluation'),
  model: z.object({ name: z.string(), fingerprint: z.string() }),
  task: z.string(),
  plan: plan.nullable(),
  outcomes: z.discriminatedUnion('kind', [choiceColumns, textColumns]),
});

export interface EvaluationRecord {
  readonly model: { readonly name: string; readonly fingerprint: string };
  readonly task: string;
  readonly plan: Plan | null;
  readonly outcomes: readonly ItemOutcome[];
}

const columnsOf = (outcomes: readonly ItemOutcome[]): z.input<typeof storedRecord>['outcomes'] => {
  const choices = outcomes.filter((outcome): outcome is ChoiceOutcome => outcome.kind === 'choice');
  const texts = outcomes.filter((outcome): outcome is TextOutcome => outcome.kind === 'text');
  if (choices.length > 0 && texts.length > 0) throw new Error('a task holds items of one kind');
  const ids = outcomes.map(({ id }) => id);
  if (texts.length > 0) {
    return {
      kind: 'text',
      ids,
      tokens: texts.map(({ tokens }) => tokens),
      logprob: texts.map(({ logprob }) => logprob),
    };
  }
  const columns: z.input<typeof choiceColumns> = {
    kind: 'choice',
    ids,
    answer: choices.map(({ answer }) => answer),
    chosen: choices.map(({ chosen }) => chosen),
    chosenNorm: choices.map(({ chosenNorm }) => chosenNorm),
    truncatedTokens: choices.map(({ truncatedTokens }) => truncatedTokens),
    logprobs: choices.map(({ logprobs }) => [...logprobs]),
  };
  const groups = choices.flatMap(({ group }) => group ?? []);
  return groups.length > 0 && groups.length === choices.length ? { ...columns, groups } : columns;
};

const cell = <T>(column: readonly T[], row: number, context: z.core.$RefinementCtx): T => {
  const value = column[row];
  if (value !== undefined) return value;
  context.issues.push({ code: 'custom', message: 'columns of different lengths', input: column });
  return z.NEVER;
};

/** The value that a step stores. */
export const encodeEvaluation = ({
  model,
  task,
  plan: ran,
  outcomes,
}: EvaluationRecord): z.input<typeof storedRecord> => ({
  kind: 'evaluation',
  model,
  task,
  plan: ran,
  outcomes: columnsOf(outcomes),
});

/** Reads what encodeEvaluation gave, after a round trip through JSON. */
export const evaluationRecord = storedRecord.transform(({ outcomes: columns, ...rest }, context): EvaluationRecord => {
  const outcomes = columns.ids.map((id, row): ItemOutcome => {
    if (columns.kind === 'text') {
      return {
        kind: 'text',
        id,
        tokens: cell(columns.tokens, row, context),
        logprob: cell(columns.logprob, row, context),
      };
    }
    const outcome: ChoiceOutcome = {
      kind: 'choice',
      id,
      logprobs: cell(columns.logprobs, row, context),
      chosen: cell(columns.chosen, row, context),
      chosenNorm: cell(columns.chosenNorm, row, context),
      answer: cell(columns.answer, row, context),
      truncatedTokens: cell(columns.truncatedTokens, row, context),
    };
    return columns.groups === undefined ? outcome : { ...outcome, group: cell(columns.groups, row, context) };
  });
  return { model: rest.model, task: rest.task, plan: rest.plan, outcomes };
});

/** A group of candidates is sized to take about this long: what a kill may lose. */
const GROUP_TARGET_MS = 2_000;
/** Candidates of one group: each holds a batch's hidden states. */
const MAX_GROUP = 16;

/** A plan to measure on a task, under the key of its step. */
export interface KeyedPlan {
  readonly key: string;
  readonly plan: Plan | null;
}

/** A task's items on a model, and the tokens that one candidate takes there. */
export interface Measurement {
  readonly model: RunModel;
  readonly task: RunTask;
  readonly items: readonly TaskItem[];
  readonly work: number;
}

/** Sizes groups by the speed of the last one. Numbers do not depend on the grouping. */
export interface GroupSizer {
  next(work: number): number;
  took(work: number, elapsedMs: number): void;
}

/** `isStreamed`: weights pass through memory once per group, so groups are as large as they can be. */
export const createGroupSizer = (isStreamed: boolean): GroupSizer => {
  let millisecondsPerToken: number | null = null;
  return {
    next: (work) => {
      if (isStreamed) return MAX_GROUP;
      if (millisecondsPerToken === null) return 1;
      return Math.min(MAX_GROUP, Math.max(1, Math.floor(GROUP_TARGET_MS / (millisecondsPerToken * work))));
    },
    took: (work, elapsedMs) => {
      millisecondsPerToken = elapsedMs / work;
    },
  };
};

const requireFinite = (outcomes: readonly ItemOutcome[], { model, task }: Measurement): void => {
  const broken = outcomes.find((outcome) =>
    outcome.kind === 'choice' ? !outcome.logprobs.every(Number.isFinite) : !Number.isFinite(outcome.logprob),
  );
  if (broken === undefined) return;
  throw new WorkbenchError(
    'outcome-not-finite',
    'failed',
    `${model.name} gives a log-probability that is not finite for item "${broken.id}" of ${task.name}.`,
    'Look at its weights and precision: numbers overflow.',
  );
};

/**
 * Outcomes of every plan on a measurement's items: those on disk first, then the others, computed in groups that share
 * layers and stored one by one before `done` is told. Keys are unique.
 */
export const evaluationSteps = async (
  context: JobContext,
  measurement: Measurement,
  plans: readonly KeyedPlan[],
  sizer: GroupSizer,
  done: (key: string, outcomes: readonly ItemOutcome[]) => Promise<void>,
): Promise<void> => {
  const { steps, meter, signal } = context;
  const { model, task, items, work } = measurement;
  const missing: KeyedPlan[] = [];
  for (const keyed of plans) {
    const stored = await steps.readJson(keyed.key, evaluationRecord);
    if (stored === null) {
      missing.push(keyed);
      continue;
    }
    meter.reuse(work);
    await done(keyed.key, stored.outcomes);
  }
  while (missing.length > 0) {
    if (signal.aborted) throw new CancelledError('The run');
    meter.describe(`Evaluating ${model.name} on ${task.name}`);
    const runner = await context.runners.open(model.checkpoint);
    const group = missing.splice(0, sizer.next(work));
    const startedAt = context.now();
    meter.begin(work * group.length);
    const outcomes = await runner.evaluate(items, group, {
      signal,
      onProgress: (part, total) => meter.advance(part / total),
    });
    sizer.took(work * group.length, context.now() - startedAt);
    for (const { key, plan } of group) {
      const own = outcomes.get(key);
      if (own === undefined) throw new Error(`no outcomes for candidate ${key}`);
      requireFinite(own, measurement);
      const { name, fingerprint } = model.checkpoint;
      await steps.writeJson(
        key,
        encodeEvaluation({ model: { name, fingerprint }, task: task.task.name, plan, outcomes: own }),
      );
    }
    meter.finish(group.length);
    for (const { key } of group) await done(key, outcomes.get(key) ?? []);
  }
};
