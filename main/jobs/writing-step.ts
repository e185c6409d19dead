import type { ItemOutcome } from '../contract/outcome.ts';
import type { ModelRunner, RunControl } from '../inference/model-runner.ts';
import { readEvaluation, writeEvaluation } from './evaluation-record.ts';
import { hashItems } from '../tasks/items.ts';
import type { JobContext } from './job-context.ts';
import type { KeyedPlan, Measurement } from './measurement.ts';
import { writingKey } from './step-key.ts';
import { writeItems, writingCost } from './write-items.ts';

/** Items that all candidates write before what they wrote is stored: what a kill may lose. */
const ITEMS_AT_ONCE = 128;

/**
 * What every plan writes to a measurement's items, side by side, part by part of the items: a part is a step of its
 * own, so that an interrupted run goes on behind the last one. A streamed model reads all its weights for every token,
 * so all its items are one part. Texts do not depend on the parts.
 */
export const writeSideBySide = async (
  context: JobContext,
  measurement: Measurement,
  runner: ModelRunner,
  plans: readonly KeyedPlan[],
  { signal, onProgress }: RunControl,
): Promise<ReadonlyMap<string, readonly ItemOutcome[]>> => {
  const { steps, memoryBudgetBytes, meter } = context;
  const { model, task, items } = measurement;
  const { info } = model.checkpoint;
  const isStreamed = info.memory.resident > memoryBudgetBytes;
  const size = isStreamed ? items.length : ITEMS_AT_ONCE;
  const cost = isStreamed ? await writingCost(runner, items, plans) : null;
  if (cost !== null) meter.describe(`Evaluating ${model.name} on ${task.name}. ${cost}`);
  const outcomes = new Map<string, ItemOutcome[]>(plans.map(({ key }) => [key, []]));
  for (let from = 0; from < items.length; from += size) {
    const part = items.slice(from, from + size);
    const isStored = size < items.length;
    const answered = isStored ? { ...measurement, itemsHash: hashItems(part) } : measurement;
    const keyedPart = ({ key, plan }: KeyedPlan): KeyedPlan => ({ key: writingKey(key, from, part.length), plan });
    const missing: KeyedPlan[] = [];
    const stored = new Map<string, readonly ItemOutcome[]>();
    for (const plan of plans) {
      const known = isStored ? await readEvaluation(steps, answered, keyedPart(plan)) : null;
      if (known === null) missing.push(plan);
      else stored.set(plan.key, known);
    }
    const written =
      missing.length === 0
        ? stored
        : await writeItems(runner, task.task, part, missing, {
            signal,
            onProgress: (done, total) => onProgress?.(from + (part.length * done) / total, items.length),
          });
    for (const plan of plans) {
      const own = stored.get(plan.key) ?? written.get(plan.key);
      if (own === undefined) throw new Error(`no outcomes for candidate ${plan.key}`);
      if (isStored && !stored.has(plan.key)) await writeEvaluation(steps, answered, keyedPart(plan), own);
      const all = outcomes.get(plan.key);
      for (const outcome of own) all?.push(outcome);
    }
  }
  return outcomes;
};
