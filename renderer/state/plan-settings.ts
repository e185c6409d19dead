import type { PathHandle } from '../../main/contract/model.ts';
import { type DescribedPlanSettings, describedPlanSettings } from '../../main/contract/plan.ts';
import type { MethodName, MethodOptions } from '../../main/contract/plan.ts';

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
