import { z } from 'zod';
import type { ItemOutcome } from '../contract/outcome.ts';
import { plan, type Plan } from '../contract/plan.ts';
import { columnsOf, outcomeColumns, outcomesOf } from './outcome-columns.ts';

/** What an evaluation step stores: the plan it ran and what the model answered to every item. */
const storedRecord = z.object({
  kind: z.literal('evaluation'),
  model: z.object({ name: z.string(), fingerprint: z.string() }),
  task: z.string(),
  plan: plan.nullable(),
  outcomes: outcomeColumns,
});

export interface EvaluationRecord {
  readonly model: { readonly name: string; readonly fingerprint: string };
  readonly task: string;
  readonly plan: Plan | null;
  readonly outcomes: readonly ItemOutcome[];
}

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
export const evaluationRecord = storedRecord.transform(
  ({ model, task, plan: ran, outcomes }, context): EvaluationRecord => ({
    model,
    task,
    plan: ran,
    outcomes: outcomesOf(outcomes, context),
  }),
);
