import type { Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import type { RunModel, RunTask } from './job-context.ts';

/** A plan to measure on a task, under the key of its step. */
export interface KeyedPlan {
  readonly key: string;
  readonly plan: Plan | null;
}

/** A task's items on a model, and the tokens that one candidate takes there. */
export interface Measurement {
  readonly model: RunModel;
  readonly task: RunTask;
  readonly items: readonly TaskItem[];
  /** Hash of the items, in order. */
  readonly itemsHash: string;
  readonly work: number;
}
