import type { RecoveredPoint } from '../contract/sweep-fact.ts';
import type { MetricName } from '../contract/task.ts';
import { summarise } from '../evaluation/summarise.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { intervalSide } from '../statistics/tango-interval.ts';

export type RecoverablePoint = Omit<RecoveredPoint, 'difference' | 'verdict'>;

/** Outcomes of a plan without recovery, and those of its recoveries that arrived earlier. */
interface Pairing {
  readonly bare: readonly ItemOutcome[] | null;
  readonly waiting: readonly { readonly point: RecoverablePoint; readonly outcomes: readonly ItemOutcome[] }[];
}

/** Compares recovered plans with the same plans without recovery, on the same items, once both outcomes are known. */
export class RecoveryPairs {
  readonly #metric: MetricName;
  readonly #pairings = new Map<string, Pairing>();
  readonly #compared: RecoveredPoint[] = [];

  constructor(metric: MetricName) {
    this.#metric = metric;
  }

  add(point: RecoverablePoint, outcomes: readonly ItemOutcome[]): void {
    const name = JSON.stringify([point.method, point.seed, point.keep]);
    const { bare, waiting } = this.#pairings.get(name) ?? { bare: null, waiting: [] };
    if (point.refit === null) {
      this.#pairings.set(name, { bare: outcomes, waiting: [] });
      for (const early of waiting) this.#compare(early.point, outcomes, early.outcomes);
    } else if (bare === null) this.#pairings.set(name, { bare, waiting: [...waiting, { point, outcomes }] });
    else this.#compare(point, bare, outcomes);
  }

  #compare(point: RecoverablePoint, bare: readonly ItemOutcome[], recovered: readonly ItemOutcome[]): void {
    const summary = summarise(this.#metric, bare, recovered);
    // The given point may be a step, which cannot leave this process.
    const { method, seed, keep, factor, refit } = point;
    const verdict = intervalSide(this.#metric, summary) ?? 'same';
    this.#compared.push({ method, seed, keep, factor, refit, difference: summary.difference, verdict });
  }

  /** The comparisons so far. */
  get compared(): readonly RecoveredPoint[] {
    return this.#compared;
  }
}
