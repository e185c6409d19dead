import { z } from 'zod';
import type { ItemOutcome } from '../contract/outcome.ts';
import { plan, type Plan } from '../contract/plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import type { StepStore } from '../workspace/step-store.ts';
import type { KeyedPlan, Measurement } from './measurement.ts';
import { columnsOf, outcomeColumns, outcomesOf } from './outcome-columns.ts';
import { planContent } from './step-key.ts';

/** An evaluation step: model and plan that ran, which items they answered (their hash), and the answer to every item. */
const storedRecord = z.object({
  kind: z.literal('evaluation'),
  model: z.object({ name: z.string(), fingerprint: z.string() }),
  task: z.string(),
  items: z.string(),
  plan: plan.nullable(),
  outcomes: outcomeColumns,
});

export interface EvaluationRecord {
  readonly model: { readonly name: string; readonly fingerprint: string };
  readonly task: string;
  readonly items: string;
  readonly plan: Plan | null;
  readonly outcomes: readonly ItemOutcome[];
}

/** The value that a step stores. */
export const encodeEvaluation = ({
  model,
  task,
  items,
  plan: ran,
  outcomes,
}: EvaluationRecord): z.input<typeof storedRecord> => ({
  kind: 'evaluation',
  model,
  task,
  items,
  plan: ran,
  outcomes: columnsOf(outcomes),
});

/** Reads what encodeEvaluation gave, after a round trip through JSON: for those who know a step by its key alone. */
export const evaluationRecord = storedRecord.transform(
  ({ model, task, items, plan: ran, outcomes }, context): EvaluationRecord => ({
    model,
    task,
    items,
    plan: ran,
    outcomes: outcomesOf(outcomes, context),
  }),
);

/** Items of a model on a task that a step answers. */
export type AnsweredItems = Pick<Measurement, 'model' | 'task' | 'itemsHash'>;

/**
 * What a plan answered to these items, from disk; null where that was not computed. A step that says of itself that
 * another model, another plan or other items were measured is none.
 */
export const readEvaluation = async (
  steps: StepStore,
  { model, itemsHash }: AnsweredItems,
  { key, plan: asked }: KeyedPlan,
): Promise<readonly ItemOutcome[] | null> => {
  const { fingerprint, info } = model.checkpoint;
  const textOf = (ran: Plan | null): string => canonicalJson(planContent(ran, info.experts));
  const wanted = textOf(asked);
  const asAsked = evaluationRecord.refine(
    (record) =>
      record.model.fingerprint === fingerprint && record.items === itemsHash && textOf(record.plan) === wanted,
  );
  return (await steps.readJson(key, asAsked))?.outcomes ?? null;
};

export const writeEvaluation = (
  steps: StepStore,
  { model, task, itemsHash }: AnsweredItems,
  { key, plan: ran }: KeyedPlan,
  outcomes: readonly ItemOutcome[],
): Promise<void> => {
  const { name, fingerprint } = model.checkpoint;
  const record = { model: { name, fingerprint }, task: task.task.name, items: itemsHash, plan: ran, outcomes };
  return steps.writeJson(key, encodeEvaluation(record));
};
