import { z } from 'zod';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { boundedList } from '../contract/bounds.ts';
import { at, refuse } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { GatesName, MethodName, MethodOptions, Plan, SuperExpertProtection } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import { itemLosses, meanLoss } from '../evaluation/fit.ts';
import { methodNamed } from '../pruning/methods.ts';
import { type CountLoss, measuredBudget, measuredCounts } from '../pruning/search/allocate-layers.ts';
import { hashItems } from '../tasks/items.ts';
import type { JobContext, Numerics } from './job-context.ts';
import {
  evaluateAll,
  evaluatePlan,
  evaluationStep,
  type Measurement,
  measurementOf,
  uniqueSteps,
} from './measurement.ts';
import { atAnswer, type PlanSubject, scoringTask } from './search-step.ts';
import { layerLossesKey, runStep, totalWork } from './step.ts';
import type { StepStore } from '../workspace/step-store.ts';

/** Items on which layers are pruned alone: their right answers are scored. */
export const LAYER_ITEMS = 60;

/** Losses of the right answer with one layer alone at each measured count, nats per item. [L][counts] */
export type LayerLosses = readonly (readonly CountLoss[])[];

/** How plans with a number of kept experts for each layer are made. */
export interface LayerOrder {
  readonly method: MethodName;
  readonly options: MethodOptions;
  readonly protect: SuperExpertProtection;
  readonly gates: GatesName;
  readonly seed: number | null;
}

/** Whether the budget "measured" decides about the layers of a method: not where it searches, or has a threshold. */
export const measuresLayers = ({ method, options }: Pick<LayerOrder, 'method' | 'options'>): boolean => {
  const { behaviour } = methodNamed(method).prepare(options);
  return behaviour.kind === 'merge' || (behaviour.kind === 'drop' && behaviour.keepByThreshold === undefined);
};

/**
 * Refuses a model whose router chooses among groups of equal size.
 *
 * @throws WorkbenchError `groups-uneven`.
 */
export const requireUnevenLayers = ({ name, info }: Pick<Checkpoint, 'name' | 'info'>): void => {
  if (info.expertGroups === undefined) return;
  throw refuse(
    'groups-uneven',
    `The budget measured moves single experts between layers, and ${name} chooses them in groups of equal size.`,
    'Use the budget uniform.',
  );
};

export const layerItems = (calibration: readonly TaskItem[]): readonly TaskItem[] =>
  calibration.slice(0, LAYER_ITEMS).map(atAnswer);

/** The plans of a model with one layer alone at each of about six counts. */
export const plansOfLayers = async (
  { info: { experts, topK, moeLayers } }: Pick<Checkpoint, 'info'>,
  planWith: (counts: readonly number[]) => Plan | Promise<Plan>,
): Promise<readonly (readonly { readonly count: number; readonly plan: Plan }[])[]> => {
  const layers = Array.from({ length: moeLayers }, (_, layer) => layer);
  return Promise.all(
    layers.map((layer) =>
      Promise.all(
        measuredCounts(experts, Math.max(1, topK)).map(async (count) => ({
          count,
          plan: await planWith(layers.map((at) => (at === layer ? count : experts))),
        })),
      ),
    ),
  );
};

/** Losses of plans against the unpruned model, by their outcomes on the same items. */
export const lossesOf = (
  changes: readonly (readonly { readonly count: number; readonly plan: Plan }[])[],
  unpruned: readonly ItemOutcome[],
  outcomesOf: (plan: Plan) => readonly ItemOutcome[],
): LayerLosses =>
  changes.map((ofLayer) =>
    ofLayer.map(({ count, plan }) => {
      const losses = itemLosses(unpruned, outcomesOf(plan));
      const total = losses.reduce((sum, { nats }) => sum + nats, 0);
      return { count, loss: meanLoss(losses)?.mean ?? total / Math.max(1, losses.length) };
    }),
  );

/** Prunes every layer alone at about six counts; each evaluation is a step. */
export const measureLayers = async (
  context: JobContext,
  measurement: Measurement,
  unpruned: readonly ItemOutcome[],
  planWith: (counts: readonly number[]) => Plan | Promise<Plan>,
): Promise<{ readonly losses: LayerLosses; readonly evaluations: number }> => {
  const changes = await plansOfLayers(measurement.model.checkpoint, planWith);
  const plans = changes.flat().map(({ plan }) => plan);
  const steps = plans.map((plan) => evaluationStep(measurement, plan));
  const unique = uniqueSteps(steps);
  context.meter.addToTotal(totalWork(unique));
  const outcomes = await evaluateAll(context, measurement, steps);
  const losses = lossesOf(changes, unpruned, (plan) => at(outcomes, plans.indexOf(plan), 'a plan of no layer'));
  return { losses, evaluations: unique.length * measurement.items.length };
};

const storedLosses = z.object({
  kind: z.literal('layer-losses'),
  losses: boundedList(boundedList(z.object({ count: z.number().int().positive(), loss: z.number() }))),
});

/** A model, by its identity, and the calibration items whose profile makes its plans. */
interface LayerSubject {
  readonly identity: string;
  readonly info: Checkpoint['info'];
  readonly calibration: readonly TaskItem[];
  readonly numerics: Numerics;
}

const keyOfLayers = (
  { identity, info, calibration, numerics }: LayerSubject,
  { method, options: given, protect, gates, seed }: LayerOrder,
): string => {
  const { options, draws } = methodNamed(method).prepare(given);
  return layerLossesKey({
    model: identity,
    itemsHash: hashItems(calibration),
    measured: LAYER_ITEMS,
    method,
    options,
    protect,
    gates: info.gatesGrow === true ? gates : null,
    seed: draws ? (seed ?? 0) : null,
    numerics,
  });
};

/** The losses that a run has measured and stored, or null. */
export const readLayerLosses = async (
  steps: Pick<StepStore, 'readJson'>,
  subject: LayerSubject,
  order: LayerOrder,
): Promise<LayerLosses | null> => (await steps.readJson(keyOfLayers(subject, order), storedLosses))?.losses ?? null;

/**
 * The losses by which the budget "measured" decides about a model on a task: read from disk, or measured on the first
 * calibration items. `planWith`: the plan with a number of kept experts for each layer.
 */
export const layerLosses = async (
  context: JobContext,
  { model, task }: PlanSubject,
  order: LayerOrder,
  planWith: (counts: readonly number[]) => Plan | Promise<Plan>,
): Promise<LayerLosses> => {
  const { checkpoint } = model;
  requireUnevenLayers(checkpoint);
  const { calibration } = task.task;
  const { identity, fingerprint, info } = checkpoint;
  const subject = { identity, info, calibration, numerics: context.numerics };
  const known = await readLayerLosses(context.steps, subject, order);
  if (known !== null) return known;
  const items = layerItems(calibration);
  const measurement = await measurementOf(context, model, scoringTask(task), items);
  context.meter.addToTotal(measurement.work);
  const unpruned = await evaluatePlan(context, measurement, null);
  const { losses } = await measureLayers(context, measurement, unpruned, planWith);
  const key = keyOfLayers(subject, order);
  return runStep(context, {
    key,
    work: 0,
    title: `Layers of ${model.name} on ${task.name}`,
    checkpoint,
    read: async (steps) => (await steps.readJson(key, storedLosses))?.losses ?? null,
    write: async (steps, measured) => {
      await steps.writeJson(key, { kind: 'layer-losses', losses: measured });
      context.emit({ type: 'profile.ready', run: context.run, fingerprint, task: task.name });
    },
    compute: () => Promise.resolve(losses),
  });
};

/**
 * Kept experts of every layer, `keep` times L in all, by the losses of one or several tasks with their shares. [L]
 */
export const countsByLosses = (
  tasks: readonly LayerLosses[],
  shares: readonly number[],
  experts: number,
  keep: number,
): readonly number[] => {
  const [first = []] = tasks;
  const together = first.map((ofLayer, layer) =>
    ofLayer.map(({ count }, option) => ({
      count,
      loss: tasks.reduce((sum, task, index) => sum + at(shares, index) * at(at(task, layer), option).loss, 0),
    })),
  );
  return measuredBudget(together, experts, keep);
};
