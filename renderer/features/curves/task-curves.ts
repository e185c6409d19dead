import { type SweepDocument, type SweepResult, type Threshold, UNPRUNED } from '../../../main/contract/sweep.ts';
import { type PointOverDraws, pointsOverDraws } from '../../../main/evaluation/draws.ts';
import { compareMethodLabels } from '../../../main/words/methods.ts';
import { answersOf, type MetricName, type TaskEntry } from '../../../main/contract/task.ts';
import { TWIN_SUFFIX } from '../../../main/evaluation/choice-and-writing.ts';
import { maxOf } from '../../../main/statistics/extremes.ts';
import { neighbour } from '../../state/selection-store.ts';
import { resultKey } from '../../sweep/points.ts';

/** The value at one factor; for several draws, the mean, the lowest and the highest. */
interface LinePoint {
  readonly factor: number;
  readonly value: number;
  readonly lowest: number;
  readonly highest: number;
}

export interface MethodCurve {
  readonly method: string;
  /** Measured points by rising factor, then seed; without the unpruned model. */
  readonly points: readonly SweepResult[];
  /** The line: one value per factor (the mean of several draws), starting at the unpruned model. */
  readonly line: readonly LinePoint[];
  readonly draws: number;
  /** Factors of curtailed candidates: unsafe, and without a value. */
  readonly curtailed: readonly number[];
  readonly thresholds: readonly Threshold[];
}

export interface TaskCurves {
  readonly task: string;
  readonly metric: MetricName;
  readonly n: number;
  /** The unpruned model's value; null until measured. */
  readonly unpruned: number | null;
  readonly unprunedResult: SweepResult | null;
  readonly curves: readonly MethodCurve[];
}

const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

const lineOf = (points: readonly PointOverDraws[], unpruned: number | null): readonly LinePoint[] => {
  const start = unpruned === null ? [] : [{ factor: 1, value: unpruned, lowest: unpruned, highest: unpruned }];
  const line = points.flatMap(({ factor, value }) =>
    value === null ? [] : [{ factor, value: value.mean, lowest: value.lowest, highest: value.highest }],
  );
  return [...start, ...line];
};

/**
 * Curves of a sweep in a stable order: methods in their usual order, each before its recovered twin, then others by
 * name.
 */
export const sweepMethods = (document: SweepDocument): readonly string[] =>
  distinct([...document.results, ...(document.curtailed ?? [])].map(({ method }) => method))
    .filter((method) => method !== UNPRUNED)
    .sort(compareMethodLabels);

/** Curves of one model, by task (in `taskOrder`, then others by name). */
export const taskCurves = (
  document: SweepDocument,
  model: string,
  methods: readonly string[],
  taskOrder: readonly string[],
): readonly TaskCurves[] => {
  const results = document.results.filter((result) => result.model === model);
  const orderOf = (task: string): number => (taskOrder.includes(task) ? taskOrder.indexOf(task) : taskOrder.length);
  const tasks = [...distinct(results.map((result) => result.task))].sort(
    (left, right) => orderOf(left) - orderOf(right) || left.localeCompare(right),
  );
  return tasks.map((task) => {
    const ofTask = results.filter((result) => result.task === task);
    const unprunedResult = ofTask.find((result) => result.method === UNPRUNED || result.factor === 1) ?? null;
    const [any] = ofTask;
    const unpruned = unprunedResult?.value ?? (any === undefined ? null : any.value - any.difference);
    const isHere = (point: { readonly model: string; readonly task: string }): boolean =>
      point.model === model && point.task === task;
    const drawn = pointsOverDraws({
      results: ofTask,
      curtailed: (document.curtailed ?? []).filter(isHere),
      notNeeded: (document.notNeeded ?? []).filter(isHere),
    });
    const curves = methods.map((method): MethodCurve => {
      const own = drawn.filter((point) => point.method === method).sort((left, right) => left.factor - right.factor);
      return {
        method,
        points: own.flatMap(({ results: measured }) => measured),
        line: lineOf(own, unpruned),
        draws: Math.max(1, maxOf(own.map(({ draws }) => draws))),
        curtailed: own
          .filter(({ curtailed }) => curtailed.some(({ evaluated }) => evaluated > 0))
          .map(({ factor }) => factor),
        thresholds: document.thresholds.filter(
          (threshold) => threshold.model === model && threshold.task === task && threshold.method === method,
        ),
      };
    });
    return { task, metric: any?.metric ?? 'acc', n: any?.n ?? 0, unpruned, unprunedResult, curves };
  });
};

/**
 * The point that an arrow key leads to: left and right along a method, up and down between methods. Null for other
 * keys.
 */
export const nextPoint = (
  curves: readonly MethodCurve[],
  from: SweepResult | null,
  key: string,
): SweepResult | null => {
  if (!['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].includes(key)) return null;
  const current = curves.find((curve) => curve.method === from?.method);
  if (from === null || current === undefined) return curves[0]?.points[0] ?? null;
  const here = current.points.find((point) => resultKey(point) === resultKey(from)) ?? null;
  if (key === 'ArrowLeft' || key === 'ArrowRight') {
    return neighbour(current.points, here, key === 'ArrowRight' ? 1 : -1);
  }
  const other = neighbour(curves, current, key === 'ArrowDown' ? 1 : -1);
  const points = other?.points ?? [];
  const distance = (point: SweepResult): number => Math.abs(Math.log2(point.factor / from.factor));
  return points.reduce<SweepResult | null>(
    (nearest, point) => (nearest === null || distance(point) < distance(nearest) ? point : nearest),
    null,
  );
};

/** The task with the same items but written instead of chosen answers, or the reverse. */
export const twinOf = (task: TaskEntry, tasks: readonly TaskEntry[]): TaskEntry | null => {
  const isWritten = answersOf(task) === 'written';
  const name = isWritten ? task.name.slice(0, -TWIN_SUFFIX.length) : `${task.name}${TWIN_SUFFIX}`;
  if (isWritten && !task.name.endsWith(TWIN_SUFFIX)) return null;
  return (
    tasks.find(
      (other) =>
        other.name === name &&
        answersOf(other) !== answersOf(task) &&
        other.items.test === task.items.test &&
        other.error === null,
    ) ?? null
  );
};
