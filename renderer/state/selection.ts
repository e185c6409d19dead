import type { PathHandle } from '../../main/contract/model.ts';
import type { DescribedPlanSettings, MethodName, MethodOptions, Pin } from '../../main/contract/plan.ts';
import { describedPlanSettings } from '../../main/contract/plan.ts';
import type { SweepResult } from '../../main/contract/sweep.ts';
import type { MapScaling } from '../../main/figures/map-scaling.ts';

export type OptionsByMethod = Readonly<Record<MethodName, MethodOptions>>;

/** Kept experts of each MoE layer, edited by hand; valid for the model and factor of the edit. */
export interface LayerCounts {
  readonly model: PathHandle;
  readonly factor: number;
  readonly values: readonly number[];
}

/** A plan or ranking read from a file, and the model it was read for. */
export interface ImportedFile {
  readonly name: string;
  readonly text: string;
  readonly model: PathHandle;
  readonly kind: 'plan' | 'ranking';
  /** Curve name and factor of a plan; a ranking has neither. */
  readonly method: string | null;
  readonly factor: number | null;
}

/** Plan settings other than method, factor and pins, in the contract's shape; part of the selection. */
export interface PlanSettings extends Readonly<DescribedPlanSettings> {
  /** For the budget `manual`; null: the same in all layers. */
  readonly counts: LayerCounts | null;
  /** Options that differ from a method's defaults; plans and sweeps use the same. */
  readonly options: OptionsByMethod;
  /** Use the model's chat template, if it has one, for profiles, plans and sweeps. */
  readonly chat: boolean;
  /** Weight of each task in a plan for several; 1 if absent. */
  readonly taskWeights: Readonly<Record<PathHandle, number>>;
  /** One task's statistics, or those of all ticked tasks together. */
  readonly madeFor: 'task' | 'ticked';
  /** Replaces the method while set. */
  readonly imported: ImportedFile | null;
}

export const plainPlan: PlanSettings = {
  ...describedPlanSettings.parse({}),
  counts: null,
  options: {},
  chat: false,
  taskWeights: {},
  madeFor: 'task',
  imported: null,
};

const isSame = <T extends object>(left: T, right: T): boolean => {
  for (const name in left) if (left[name] !== right[name]) return false;
  return true;
};

/** The settings after a change; the same object if nothing changed. */
export const changedPlan = (plan: PlanSettings, change: Partial<PlanSettings>): PlanSettings => {
  const next = { ...plan, ...change };
  return isSame(next, plan) ? plan : next;
};

export const routingMetrics = ['share', 'gate', 'reap', 'ean'] as const;
export type RoutingMetric = (typeof routingMetrics)[number];

/** Subtracted statistics: of the same model on another task, or of another model on the same task. */
export type MapMinus =
  { readonly kind: 'task'; readonly task: PathHandle } | { readonly kind: 'model'; readonly model: PathHandle };

/**
 * Order of experts in each layer: by number, by the values shown, by the metric on another task, by the plan, or by
 * similarity.
 */
export type MapOrder =
  { readonly by: 'number' | 'value' | 'plan' | 'likeness' } | { readonly by: 'task'; readonly task: PathHandle };

/** Content and style of routing maps; part of the selection. */
export interface MapView {
  readonly metric: RoutingMetric;
  /** Null: absolute values. */
  readonly minus: MapMinus | null;
  /** Mapping of values to colours; null: by the number of experts. */
  readonly scaling: MapScaling | null;
  readonly order: MapOrder;
}

export const plainMap: MapView = { metric: 'share', minus: null, scaling: null, order: { by: 'number' } };

/** Equal for equal subtractions. */
export const minusKey = (minus: MapMinus | null): string =>
  minus === null ? '' : minus.kind === 'task' ? `task ${minus.task}` : `model ${minus.model}`;

/** Equal for equal orders. */
export const orderKey = (order: MapOrder): string => (order.by === 'task' ? `task ${order.task}` : order.by);

/** The map after a change; the same object if nothing changed. */
export const changedMap = (map: MapView, change: Partial<MapView>): MapView => {
  const next = { ...map, ...change };
  const isChanged =
    next.metric !== map.metric ||
    next.scaling !== map.scaling ||
    minusKey(next.minus) !== minusKey(map.minus) ||
    orderKey(next.order) !== orderKey(map.order);
  return isChanged ? next : map;
};

/** Identifies a point of a sweep. */
export interface PointKey {
  readonly run: string;
  readonly model: string;
  readonly task: string;
  readonly method: string;
  readonly seed: number | null;
  readonly factor: number;
}

export interface ExpertPosition {
  readonly layer: number;
  readonly expert: number;
}

/** Experts that must stay or must go, by model. */
export type PinsByModel = Readonly<Record<PathHandle, readonly Pin[]>>;

/** Subjects of the panel on the right. */
export const subjects = ['plan', 'expert', 'point', 'model'] as const;
export type Subject = (typeof subjects)[number];

/** The user's current selection, read by all views. */
export interface Selection {
  readonly model: PathHandle | null;
  /** Ticked tasks, used by Profile and by sweeps. */
  readonly tasks: readonly PathHandle[];
  /** The task in focus: its routing is shown, and the plan is made for it. */
  readonly task: PathHandle | null;
  /** Index among the MoE layers. */
  readonly layer: number | null;
  /** Expert in the numbering of the unpruned model. */
  readonly expert: number | null;
  readonly method: MethodName;
  /** Experts before / experts after. */
  readonly factor: number;
  readonly pins: PinsByModel;
  /** Plan settings other than method, factor and pins. */
  readonly plan: PlanSettings;
  /** Content and style of routing maps. */
  readonly map: MapView;
  /** The sweep shown; null: the newest. */
  readonly run: string | null;
  /** The side by side shown; null: none yet. */
  readonly beside: string | null;
  readonly point: PointKey | null;
  readonly subject: Subject;
}

export const noSelection: Selection = {
  model: null,
  tasks: [],
  task: null,
  layer: null,
  expert: null,
  method: 'reap',
  factor: 2,
  pins: {},
  plan: plainPlan,
  map: plainMap,
  run: null,
  beside: null,
  point: null,
  subject: 'plan',
};

/** Parts of the selection that a point or run determines, as far as they are known here. */
export type Brought = Partial<Pick<Selection, 'model' | 'task' | 'tasks' | 'method' | 'factor' | 'plan'>>;

const byPosition = (left: Pin, right: Pin): number => left.layer - right.layer || left.expert - right.expert;

/** The pins with others at these positions; `keep` null: with none there. */
export const pinned = (
  pins: readonly Pin[],
  positions: readonly ExpertPosition[],
  keep: boolean | null,
): readonly Pin[] => {
  const key = ({ layer, expert }: ExpertPosition): string => `${layer} ${expert}`;
  const changing = new Set(positions.map(key));
  const others = pins.filter((known) => !changing.has(key(known)));
  return keep === null
    ? others
    : [...others, ...positions.map(({ layer, expert }) => ({ layer, expert, keep }))].sort(byPosition);
};

/** Members to select, without the selected expert where the model changes. */
export const withBrought = (selection: Selection, brought: Partial<Selection>): Partial<Selection> =>
  brought.model === undefined || brought.model === selection.model
    ? brought
    : { ...brought, layer: null, expert: null };

export const pointKey = (run: string, { model, task, method, seed, factor }: SweepResult): PointKey => ({
  run,
  model,
  task,
  method,
  seed,
  factor,
});
