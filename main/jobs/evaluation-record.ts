import { z } from 'zod';
import { plan, type Plan } from '../contract/plan.ts';
import type { ChoiceOutcome, ItemOutcome, TextOutcome } from '../inference/model-runner.ts';

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
    return { kind: 'text', ids, tokens: texts.map(({ tokens }) => tokens), logprob: texts.map(({ logprob }) => logprob) };
  }
  return {
    kind: 'choice',
    ids,
    answer: choices.map(({ answer }) => answer),
    chosen: choices.map(({ chosen }) => chosen),
    chosenNorm: choices.map(({ chosenNorm }) => chosenNorm),
    truncatedTokens: choices.map(({ truncatedTokens }) => truncatedTokens),
    logprobs: choices.map(({ logprobs }) => [...logprobs]),
  };
};

const cell = <T>(column: readonly T[], row: number, context: z.core.$RefinementCtx): T => {
  const value = column[row];
  if (value !== undefined) return value;
  context.issues.push({ code: 'custom', message: 'columns of different lengths', input: column });
  return z.NEVER;
};

/** The value that a step stores. */
export const encodeEvaluation = ({ model, task, plan: ran, outcomes }: EvaluationRecord): z.input<typeof storedRecord> => ({
  kind: 'evaluation',
  model,
  task,
  plan: ran,
  outcomes: columnsOf(outcomes),
});

/** Reads what encodeEvaluation gave, after a round trip through JSON. */
export const evaluationRecord = storedRecord.transform(({ outcomes: columns, ...rest }, context): EvaluationRecord => {
  const outcomes = columns.ids.map((id, row): ItemOutcome =>
    columns.kind === 'text'
      ? { kind: 'text', id, tokens: cell(columns.tokens, row, context), logprob: cell(columns.logprob, row, context) }
      : {
          kind: 'choice',
          id,
          logprobs: cell(columns.logprobs, row, context),
          chosen: cell(columns.chosen, row, context),
          chosenNorm: cell(columns.chosenNorm, row, context),
          answer: cell(columns.answer, row, context),
          truncatedTokens: cell(columns.truncatedTokens, row, context),
        },
  );
  return { model: rest.model, task: rest.task, plan: rest.plan, outcomes };
});
