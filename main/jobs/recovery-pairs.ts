import type { MetricName } from '../contract/task.ts';
import { summarise } from '../evaluation/summarise.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { intervalSide } from '../statistics/tango-interval.ts';

/** A plan that is measured as it is and recovered. */
export interface RecoverablePoint {
  readonly method: string;
  readonly seed: number | null;
  readonly keep: number;
  readonly factor: number;
  readonly isRecovered: boolean;
}

interface Pair {
  readonly bare?: readonly ItemOutcome[];
  readonly recovered?: readonly ItemOutcome[];
}

interface Compared extends RecoverablePoint {
  readonly difference: number;
  readonly verdict: 'better' | 'same' | 'worse';
}

const named = ({ method, seed, factor, difference }: Compared): string => {
  const plan = seed === null ? method : `${method} (seed ${String(seed)})`;
  return `${plan} at factor ${factor.toFixed(2)} (${difference > 0 ? '+' : ''}${difference.toFixed(3)})`;
};

/** Compares recovered plans with the same plans as they are, on the same items, as the outcomes of both arrive. */
export class RecoveryPairs {
  readonly #metric: MetricName;
  readonly #waiting = new Map<string, Pair>();
  readonly #compared: Compared[] = [];

  constructor(metric: MetricName) {
    this.#metric = metric;
  }

  add(point: RecoverablePoint, outcomes: readonly ItemOutcome[]): void {
    const name = JSON.stringify([point.method, point.seed, point.keep]);
    const pair: Pair = { ...this.#waiting.get(name), [point.isRecovered ? 'recovered' : 'bare']: outcomes };
    if (pair.bare === undefined || pair.recovered === undefined) {
      this.#waiting.set(name, pair);
      return;
    }
    this.#waiting.delete(name);
    const summary = summarise(this.#metric, pair.bare, pair.recovered);
    this.#compared.push({
      ...point,
      difference: summary.difference,
      verdict: intervalSide(this.#metric, summary) ?? 'same',
    });
  }

  /** What recovery did, in one sentence; null where nothing was measured both ways. */
  note(): string | null {
    if (this.#compared.length === 0) return null;
    const of = (verdict: Compared['verdict']): readonly Compared[] =>
      this.#compared.filter((point) => point.verdict === verdict);
    const list = (verdict: Compared['verdict']): string => of(verdict).map(named).join(', ');
    const parts = [
      `recovery is better than the same plan without it at ${String(of('better').length)} of ${String(this.#compared.length)} points (paired 95 % interval)`,
      ...(of('same').length === 0 ? [] : [`no difference beyond the interval: ${list('same')}`]),
      ...(of('worse').length === 0 ? [] : [`worse: ${list('worse')}`]),
    ];
    return `${parts.join('; ')}.`;
  }
}
