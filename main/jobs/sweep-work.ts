import type { SweepSettings } from '../contract/sweep.ts';
import type { TaskItem } from '../contract/task.ts';
import type { RunModel, RunTask } from './job-context.ts';
import { combinedExtras } from '../pruning/plan-needs.ts';
import { RECOVERY_WORK, searchWork } from './plan-step.ts';
import { profileWork } from './profile-step.ts';
import { curvesOf, needsCalibration, needsOf, needsProfile, optionsOf, type Curve } from './sweep-curves.ts';
import { openTokenCounter } from './task-work.ts';

/** Tokens of a task's calibration items, as they are profiled and as they are scored; 0 where nothing looks at them. */
export interface CalibrationWork {
  readonly profiling: number;
  readonly scoring: number;
}

/** Test items that a sweep uses of a task. */
export const usedItems = (items: readonly TaskItem[], limit: number | null): readonly TaskItem[] => (limit === null ? items : items.slice(0, limit));

/** Work of a model in tokens, per task. */
export interface SweepWork {
  readonly calibration: readonly CalibrationWork[];
  readonly scoring: readonly number[];
}

/** Tokens per task; refuses items that the model's tokenizer cannot score, before anything runs. */
export const workOf = async (
  { checkpoint }: RunModel,
  { tasks, settings }: { readonly tasks: readonly RunTask[]; readonly settings: SweepSettings },
  signal: AbortSignal,
): Promise<SweepWork> => {
  const measure = await openTokenCounter(checkpoint, signal);
  const work: { calibration: CalibrationWork[]; scoring: number[] } = { calibration: [], scoring: [] };
  const isSearched = needsOf(settings).some(({ search }) => search !== null);
  for (const { task } of tasks) {
    work.calibration.push({
      profiling: needsCalibration(settings) ? await measure.profiling(task.calibration) : 0,
      scoring: isSearched ? await measure.scoring(task.calibration) : 0,
    });
    work.scoring.push(await measure.scoring(usedItems(task.test, settings.limit)));
  }
  return work;
};

/** Work of one plan beyond its profile: the search for it, and its refit. */
export const planWork = (settings: SweepSettings, { method, isRecovered }: Curve, { profiling, scoring }: CalibrationWork): number =>
  searchWork({ method, options: optionsOf(settings, method), budget: settings.budget, profilingTokens: profiling, scoringTokens: scoring }) +
  (isRecovered ? RECOVERY_WORK * profiling : 0);

/** Work of a model's profiles, and of the searches and refits of its plans, over all tasks. */
export const planningWork = ({ checkpoint }: RunModel, settings: SweepSettings, calibration: readonly CalibrationWork[], counts: number): number => {
  const extras = combinedExtras(needsOf(settings));
  return sum(
    calibration.map((work) => {
      const plans = curvesOf(settings).map((curve) => planWork(settings, curve, work));
      return (needsProfile(settings) ? profileWork(work.profiling, extras, checkpoint.info) : 0) + counts * sum(plans);
    }),
  );
};

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
