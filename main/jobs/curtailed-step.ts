import type { ItemOutcome } from '../contract/outcome.ts';
import { countsSoFar, curtailedOrder, type PairedDesign, partEnds, decidedVerdict } from '../evaluation/curtailment.ts';
import { answerInParts, type EarlyStop, type EvaluationDone, type Part, partOf } from './evaluation-step.ts';
import type { JobContext } from './job-context.ts';
import type { EvaluationStep, Measurement } from './measurement.ts';
import { reuseSteps } from './step.ts';
import { partKey } from './step-key.ts';

/**
 * The parts of a measurement's items in the order of the unpruned model's margins: as this machine makes them, and as
 * one with other memory does.
 */
const bothParts = (
  measurement: Measurement,
  baseline: readonly ItemOutcome[],
): { readonly own: readonly Part[]; readonly other: readonly Part[] } => {
  const { task, items, isStreamed } = measurement;
  const order = curtailedOrder(task.task.metric, baseline);
  const partsOf = (streamed: boolean): readonly Part[] => {
    const ends = partEnds(items.length, streamed);
    return ends.map((end, index) => partOf(measurement, order.slice(ends[index - 1] ?? 0, end), partKey));
  };
  return { own: partsOf(isStreamed), other: partsOf(!isStreamed) };
};

const hasBegun = async ({ steps }: JobContext, [first]: readonly Part[], step: EvaluationStep): Promise<boolean> =>
  first !== undefined && (await steps.has(first.stepOf(step).key, 'json'));

/** Plans that have answered a part of the items and no more, in the order of a search for the threshold. */
export const begunSteps = async (
  context: JobContext,
  measurement: Measurement,
  baseline: readonly ItemOutcome[],
  steps: readonly EvaluationStep[],
): Promise<readonly EvaluationStep[]> => {
  const { own, other } = bothParts(measurement, baseline);
  const begun: EvaluationStep[] = [];
  for (const step of steps) {
    if (await context.steps.has(step.key, 'json')) continue;
    if ((await hasBegun(context, own, step)) || (await hasBegun(context, other, step))) begun.push(step);
  }
  return begun;
};

/**
 * Measures plans part by part of the items, side by side. Each is `stopped` as soon as its answers decide that all
 * items could only call it unsafe by `test`, or `done` when it has answered all; without a test, all answer all items.
 * Parts on disk are reused, also those of a machine with other memory: whoever joins in stops a plan after as many
 * items. Keys are unique.
 */
export const evaluateEarly = async (
  context: JobContext,
  measurement: Measurement,
  baseline: readonly ItemOutcome[],
  steps: readonly EvaluationStep[],
  done: EvaluationDone,
  test?: { readonly design: PairedDesign; readonly delta: number; readonly stopped: EarlyStop['stopped'] },
): Promise<void> => {
  const { metric } = measurement.task.task;
  const stop: EarlyStop | undefined = test && {
    decidedBy: (outcomes) => {
      const counts = countsSoFar(metric, test.design, outcomes);
      return decidedVerdict({ metric, delta: test.delta }, test.design, counts) === 'unsafe' ? counts : null;
    },
    stopped: test.stopped,
  };
  const { own, other } = bothParts(measurement, baseline);
  const [here, elsewhere]: [EvaluationStep[], EvaluationStep[]] = [[], []];
  for (const step of await reuseSteps(context, steps, done)) {
    const isElsewhere = !(await hasBegun(context, own, step)) && (await hasBegun(context, other, step));
    (isElsewhere ? elsewhere : here).push(step);
  }
  await answerInParts(context, measurement, own, here, { sideBySide: false, done, stop });
  await answerInParts(context, measurement, other, elsewhere, { sideBySide: false, done, stop });
};
