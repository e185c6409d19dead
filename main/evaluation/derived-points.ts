import { fail, refuse, WorkbenchError } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { type PointName, pointNameKey, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { type PairedSummary, summarise } from './summarise.ts';

/**
 * Fields of a result that do not follow from its outcomes: its plan's cost and dropped share. A verdict follows from
 * the result and the margin, the level from the kind of its test.
 */
export type BesideOutcomes = 'cost' | 'droppedShare';

/** Fields of a point that follow from its outcomes. */
export type DerivedPoint = Omit<SweepResult, BesideOutcomes | 'verdict' | 'level'>;

interface Block {
  readonly point: PointName;
  readonly kept: number;
  readonly outcomes: readonly ItemOutcome[];
}

/** Metrics for each kind of outcome; choices allow two, so a file has to say which. */
const METRICS: Readonly<Record<ItemOutcome['kind'], readonly MetricName[]>> = {
  choice: ['acc', 'acc_norm'],
  text: ['perplexity'],
  written: ['exact_match', 'ending'],
};

/**
 * The metric of a task's outcomes: the task's own where it is available (`known`), else the one that most of the stored
 * results name, among those that the kind of outcome allows.
 */
export const metricOfOutcomes = (
  [first]: readonly ItemOutcome[],
  known: MetricName | null,
  named: readonly MetricName[],
): MetricName => {
  if (known !== null) return known;
  const possible = first === undefined ? METRICS.choice : METRICS[first.kind];
  const count = (metric: MetricName): number => named.filter((entry) => entry === metric).length;
  return possible.reduce((most, metric) => (count(metric) > count(most) ? metric : most));
};

/** Error for a point with its outcomes twice, or with outcomes that contradict those of the unpruned model. */
export const contradiction = (point: PointName, cause: unknown): WorkbenchError =>
  fail(
    'outcomes-contradict',
    `The stored outcomes of ${point.model}, ${point.task}, ${point.method} contradict those of the unpruned model: ` +
      (cause instanceof Error ? cause.message : String(cause)),
    'They were edited or damaged: restore the run from where it was made, or run it again.',
    cause,
  );

/**
 * Computes results from outcomes as they arrive, each against the unpruned model's of its model and task; candidates
 * that arrive earlier wait for those. `metricOf` is called once per model and task.
 *
 * @throws WorkbenchError `outcomes-contradict`; `baseline-missing` where the unpruned model's outcomes never arrive.
 */
export class PointDerivation {
  readonly #metricOf: (task: string, outcomes: readonly ItemOutcome[]) => MetricName;
  readonly #delta: number;
  readonly #baselines = new Map<string, { readonly metric: MetricName; readonly outcomes: readonly ItemOutcome[] }>();
  readonly #waiting = new Map<string, Block[]>();
  readonly #points = new Map<string, DerivedPoint>();

  /** `delta`: the margin of the one-sided ends. */
  constructor(metricOf: (task: string, outcomes: readonly ItemOutcome[]) => MetricName, delta: number) {
    this.#metricOf = metricOf;
    this.#delta = delta;
  }

  add(block: Block): void {
    const { point, outcomes } = block;
    const measured = JSON.stringify([point.model, point.task]);
    if (point.method === UNPRUNED) {
      if (this.#baselines.has(measured)) throw contradiction(point, new Error('they are there twice'));
      const metric = this.#metricOf(point.task, outcomes);
      this.#baselines.set(measured, { metric, outcomes });
      this.#summarise(block, () => summarise(metric, outcomes, null, { delta: this.#delta }));
      for (const candidate of this.#waiting.get(measured) ?? []) this.add(candidate);
      this.#waiting.delete(measured);
      return;
    }
    const baseline = this.#baselines.get(measured);
    if (baseline !== undefined) {
      const { metric, outcomes: unpruned } = baseline;
      this.#summarise(block, () => summarise(metric, unpruned, outcomes, { delta: this.#delta }));
      return;
    }
    const waiting = this.#waiting.get(measured);
    if (waiting === undefined) this.#waiting.set(measured, [block]);
    else waiting.push(block);
  }

  #summarise({ point, kept }: Block, summary: () => PairedSummary): void {
    const key = pointNameKey(point);
    if (this.#points.has(key)) throw contradiction(point, new Error('they are there twice'));
    const { model, task, method, seed, factor } = point;
    try {
      const { n, evaluated, ...rest } = summary();
      this.#points.set(key, { model, task, method, seed, factor, kept, n, evaluated, ...rest });
    } catch (cause) {
      if (cause instanceof WorkbenchError && cause.kind === 'refused') throw contradiction(point, cause);
      throw cause;
    }
  }

  /** Points by pointNameKey, in the order in which they were computed. */
  points(): ReadonlyMap<string, DerivedPoint> {
    const [orphan] = [...this.#waiting.values()].flat();
    if (orphan !== undefined)
      throw refuse(
        'baseline-missing',
        `The outcomes of the unpruned ${orphan.point.model} on ${orphan.point.task} are missing; every ` +
          'candidate is compared with them.',
        'Restore the run from where it was made, or run it again.',
      );
    return this.#points;
  }
}
