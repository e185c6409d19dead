import type { CompareDocument } from '../../../../main/contract/compare.ts';
import type { SweepDocument, SweepResult } from '../../../../main/contract/sweep.ts';
import type { MetricName } from '../../../../main/contract/task.ts';
import { compareMethods, measureMethods } from '../../../../main/evaluation/comparison/document.ts';
import { comparePoints } from '../../../../main/evaluation/comparison/points.ts';
import { summarise } from '../../../../main/evaluation/summarise.ts';
import { sweepThresholds } from '../../../../main/evaluation/threshold.ts';
import type { ItemOutcome } from '../../../../main/contract/outcome.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';
import { choiceOutcome, textOutcome } from '../outcomes.ts';

/** A curve of the sample: its skill is the share of right answers, or minus the log-likelihood per token. */
export interface SampleCurve {
  readonly method: string;
  readonly seed?: number;
  readonly skill: number;
  readonly factor?: number;
}

export interface SampledSweep {
  readonly document: SweepDocument;
  readonly outcomesOf: (result: SweepResult) => readonly ItemOutcome[] | null;
}

const keyOf = ({ task, method, seed, factor }: SweepResult): string => JSON.stringify([task, method, seed, factor]);

/** Items of one curve: what it knows is drawn by its own seed, so that curves differ in both directions. */
const drawn = (metric: MetricName, skill: number, seed: number, items: number): ItemOutcome[] => {
  const random = seededRandom(seed);
  return Array.from({ length: items }, (_, item) =>
    metric === 'perplexity'
      ? textOutcome(`t${item}`, -(skill + random.float()) * (item + 3), item + 3)
      : choiceOutcome(`i${item}`, random.float() < skill, random.float() < skill),
  );
};

/** A sweep of one model with 16 experts: every curve on every task. */
export const sampleMethods = (
  curves: readonly SampleCurve[],
  tasks: readonly { readonly task: string; readonly metric: MetricName; readonly items?: number }[],
  unprunedSkill = 0.9,
): SampledSweep => {
  const stored = new Map<string, readonly ItemOutcome[]>();
  const results: SweepResult[] = [];
  for (const [index, { task, metric, items = 60 }] of tasks.entries()) {
    const unpruned = drawn(metric, unprunedSkill, 1000 + index, items);
    const base = {
      model: 'm',
      task,
      method: 'unpruned',
      seed: null,
      factor: 1,
      kept: 16,
      ...summarise(metric, unpruned, null),
    };
    stored.set(keyOf(base), unpruned);
    results.push(base);
    for (const [curve, { method, seed = null, skill, factor = 2 }] of curves.entries()) {
      const outcomes = drawn(metric, skill, 31 * index + curve, items);
      const result = {
        model: 'm',
        task,
        method,
        seed,
        factor,
        kept: 16 / factor,
        ...summarise(metric, unpruned, outcomes),
      };
      stored.set(keyOf(result), outcomes);
      results.push(result);
    }
  }
  const document = { run: 'sweep-methods', results, thresholds: sweepThresholds(results, 0.02), rule: 'rule' };
  return { document, outcomesOf: (result) => stored.get(keyOf(result)) ?? null };
};

export const comparedSample = (
  { document, outcomesOf }: SampledSweep,
  reference?: string,
  factor?: number,
): CompareDocument =>
  compareMethods(document, measureMethods(comparePoints(document, { factor }), outcomesOf), reference);
