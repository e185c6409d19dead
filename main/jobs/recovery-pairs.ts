import { curveLabel } from '../contract/method.ts';
import type { RefitName } from '../contract/plan.ts';
import type { MetricName } from '../contract/task.ts';
import { summarise } from '../evaluation/summarise.ts';
import { bareFactor, formatDifferenceInUnit } from '../words/numbers.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { intervalSide } from '../statistics/tango-interval.ts';

/** A plan that is measured with and without recovery. */
export interface RecoverablePoint {
  readonly method: string;
  readonly seed: number | null;
  readonly keep: number;
  readonly factor: number;
  /** Weights that are refitted; null: no recovery. */
  readonly refit: RefitName | null;
}

/** Outcomes of a plan without recovery, and those of its recoveries that arrived earlier. */
interface Pairing {
  readonly bare: readonly ItemOutcome[] | null;
  readonly waiting: readonly { readonly point: RecoverablePoint; readonly outcomes: readonly ItemOutcome[] }[];
}

interface Compared extends RecoverablePoint {
  readonly difference: number;
  readonly verdict: 'better' | 'same' | 'worse';
}

const named = ({ method, seed, refit, factor, difference }: Compared, metric: MetricName): string => {
  const curve = refit === 'experts' ? method : curveLabel(method, refit);
  const plan = seed === null ? curve : `${curve} (seed ${String(seed)})`;
  return `${plan} at factor ${bareFactor(factor)} (${formatDifferenceInUnit(difference, metric)})`;
};

/** Compares recovered plans with the same plans without recovery, on the same items, once both outcomes are known. */
export class RecoveryPairs {
  readonly #metric: MetricName;
  readonly #pairings = new Map<string, Pairing>();
  readonly #compared: Compared[] = [];

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
    this.#compared.push({
      ...point,
      difference: summary.difference,
      verdict: intervalSide(this.#metric, summary) ?? 'same',
    });
  }

  /** The effect of recovery in one sentence; null where no plan was measured both ways. */
  note(): string | null {
    if (this.#compared.length === 0) return null;
    const of = (verdict: Compared['verdict']): readonly Compared[] =>
      this.#compared.filter((point) => point.verdict === verdict);
    const list = (verdict: Compared['verdict']): string =>
      of(verdict)
        .map((one) => named(one, this.#metric))
        .join(', ');
    const parts = [
      `recovery is better than the same plan without it at ${String(of('better').length)} of ` +
        `${String(this.#compared.length)} points (paired 95 % interval)`,
      ...(of('same').length === 0 ? [] : [`no difference beyond the interval: ${list('same')}`]),
      ...(of('worse').length === 0 ? [] : [`worse: ${list('worse')}`]),
    ];
    return `${parts.join('; ')}.`;
  }
}
