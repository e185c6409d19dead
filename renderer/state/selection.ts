import { assertNever } from '../../main/contract/errors.ts';
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

const isSameMap = (left: MapView, right: MapView): boolean =>
  left.metric === right.metric &&
  left.scaling === right.scaling &&
  minusKey(left.minus) === minusKey(right.minus) &&
  orderKey(left.order) === orderKey(right.order);

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

export type Change =
  | { readonly kind: 'model'; readonly model: PathHandle | null }
  | { readonly kind: 'task'; readonly task: PathHandle | null }
  /** `task`: gets the focus in the same step. */
  | { readonly kind: 'tick'; readonly tasks: readonly PathHandle[]; readonly task?: PathHandle | undefined }
  | { readonly kind: 'method'; readonly method: MethodName }
  | { readonly kind: 'factor'; readonly factor: number }
  | {
      readonly kind: 'pin';
      readonly model: PathHandle;
      readonly positions: readonly ExpertPosition[];
      readonly keep: boolean | null;
    }
  | { readonly kind: 'unpin'; readonly model: PathHandle }
  | { readonly kind: 'plan'; readonly plan: Partial<PlanSettings> }
  | { readonly kind: 'map'; readonly map: Partial<MapView> }
  | { readonly kind: 'expert'; readonly layer: number; readonly expert: number | null }
  | { readonly kind: 'run'; readonly run: string | null; readonly brought: Brought }
  | { readonly kind: 'point'; readonly point: PointKey | null; readonly brought: Brought }
  | { readonly kind: 'subject'; readonly subject: Subject };

const byPosition = (left: Pin, right: Pin): number => left.layer - right.layer || left.expert - right.expert;

const pinned = (pins: readonly Pin[], positions: readonly ExpertPosition[], keep: boolean | null): readonly Pin[] => {
  const key = ({ layer, expert }: ExpertPosition): string => `${layer} ${expert}`;
  const changing = new Set(positions.map(key));
  const others = pins.filter((known) => !changing.has(key(known)));
  return keep === null
    ? others
    : [...others, ...positions.map(({ layer, expert }) => ({ layer, expert, keep }))].sort(byPosition);
};

/** The selected expert is dropped when the model changes. */
const withBrought = (selection: Selection, brought: Brought): Selection => {
  const next = { ...selection, ...brought };
  return next.model === selection.model ? next : { ...next, layer: null, expert: null };
};

export const changed = (selection: Selection, change: Change): Selection => {
  switch (change.kind) {
    case 'model':
      return {
        ...withBrought(selection, { model: change.model }),
        subject: selection.subject === 'expert' || selection.subject === 'point' ? 'plan' : selection.subject,
      };
    case 'task':
      return { ...selection, task: change.task };
    case 'tick':
      return { ...selection, tasks: change.tasks, task: change.task ?? selection.task };
    case 'method':
      // Choosing a method ends the use of an imported file.
      return { ...selection, method: change.method, plan: changedPlan(selection.plan, { imported: null }) };
    case 'factor':
      return { ...selection, factor: change.factor };
    case 'pin': {
      const pins = pinned(selection.pins[change.model] ?? [], change.positions, change.keep);
      return { ...selection, pins: { ...selection.pins, [change.model]: pins } };
    }
    case 'unpin':
      return { ...selection, pins: { ...selection.pins, [change.model]: [] } };
    case 'plan': {
      const plan = changedPlan(selection.plan, change.plan);
      return plan === selection.plan ? selection : { ...selection, plan };
    }
    case 'map': {
      const map = { ...selection.map, ...change.map };
      return isSameMap(map, selection.map) ? selection : { ...selection, map };
    }
    case 'expert':
      return { ...selection, layer: change.layer, expert: change.expert, subject: 'expert' };
    case 'run':
      return { ...withBrought(selection, change.brought), run: change.run, point: null };
    case 'point':
      return change.point === null
        ? { ...selection, point: null }
        : { ...withBrought(selection, change.brought), point: change.point, subject: 'point' };
    case 'subject':
      return { ...selection, subject: change.subject };
    default:
      return assertNever(change);
  }
};

export const pointKey = (run: string, { model, task, method, seed, factor }: SweepResult): PointKey => ({
  run,
  model,
  task,
  method,
  seed,
  factor,
});
