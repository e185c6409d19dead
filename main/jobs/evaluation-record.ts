import type { ItemOutcome } from '../contract/outcome.ts';
import type { Plan } from '../contract/plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { encodeEvaluation, evaluationRecord } from '../runs/evaluation-record.ts';
import type { StepStore } from '../workspace/step-store.ts';
import type { KeyedPlan, Measurement } from './measurement.ts';
import { planContent } from './step-key.ts';

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
