import { equalKeptComparisons, equalKeptPairs } from '../../../../main/evaluation/size-trend/equal-kept.ts';
import type { SizeTrendDocument } from '../../../../main/contract/size-trend.ts';
import type { PointName, SweepDocument, SweepResult } from '../../../../main/contract/sweep.ts';
import { sizeTrendDocument } from '../../../../main/evaluation/size-trend/document.ts';
import { measurePairs, sizeComparisons } from '../../../../main/evaluation/size-trend/pairs.ts';
import { sizedModels } from '../../../../main/evaluation/size-trend/thresholds.ts';
import { summarise } from '../../../../main/evaluation/summarise.ts';
import { sweepThresholds, thresholdRule } from '../../../../main/evaluation/threshold.ts';
import type { ItemOutcome } from '../../../../main/contract/outcome.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';
import { choiceOutcome } from '../outcomes.ts';

export interface SampleFamily {
  readonly sizes: readonly number[];
  /** Models per size, named apart by a letter. */
  readonly trainings?: number;
  readonly tasks: readonly string[];
  readonly methods?: readonly string[];
  readonly items?: number;
  /** Largest factor that costs nothing; beyond it skill falls by `loss` per doubling. */
  readonly limit: (experts: number, task: string) => number;
  readonly loss?: number;
  /** Share of items that the unpruned model answers correctly. */
  readonly skill?: (experts: number) => number;
}

export interface SampledFamily {
  readonly document: SweepDocument;
  readonly outcomesOf: (point: PointName) => readonly ItemOutcome[] | null;
  readonly sizeTrend: SizeTrendDocument;
}

const DELTA = 0.02;
const keyOf = ({ model, task, method, seed, factor }: PointName): string =>
  JSON.stringify([model, task, method, seed, factor]);

/** A sweep of models that differ in E, with outcomes drawn so that thresholds lie where `limit` says. Top-k is 2. */
export const sampleSizeTrend = (sample: SampleFamily): SampledFamily => {
  const {
    sizes,
    trainings = 1,
    tasks,
    methods = ['frequency'],
    items = 300,
    limit,
    loss = 0.15,
    skill = () => 0.95,
  } = sample;
  const stored = new Map<string, readonly ItemOutcome[]>();
  const results: SweepResult[] = [];
  const outcomes = (share: number): ItemOutcome[] => {
    const difficulty = seededRandom(7);
    return Array.from({ length: items }, (_, item) => choiceOutcome(`i${item}`, difficulty.float() < share));
  };
  for (const experts of sizes) {
    for (let training = 0; training < trainings; training += 1) {
      const model = trainings === 1 ? `e${experts}` : `e${experts}${'abcdefgh'[training] ?? ''}`;
      for (const task of tasks) {
        const unpruned = outcomes(skill(experts));
        const base = { model, task, method: 'unpruned', seed: null, factor: 1, kept: experts };
        stored.set(keyOf(base), unpruned);
        results.push({ ...base, ...summarise('acc', unpruned, null) });
        for (const method of methods) {
          for (let factor = 2; experts / factor >= 2; factor *= 2) {
            const beyond = Math.max(0, Math.log2(factor / limit(experts, task)));
            const candidate = outcomes(Math.max(0.25, skill(experts) - loss * beyond));
            const point = { model, task, method, seed: null, factor, kept: experts / factor };
            stored.set(keyOf(point), candidate);
            results.push({ ...point, ...summarise('acc', unpruned, candidate) });
          }
        }
      }
    }
  }
  const document = {
    run: 'sweep-sizes',
    results,
    thresholds: sweepThresholds(results, DELTA),
    rule: thresholdRule(DELTA),
    facts: [],
  };
  const outcomesOf = (point: PointName): readonly ItemOutcome[] | null => stored.get(keyOf(point)) ?? null;
  const models = sizedModels(results);
  const measured = {
    ...measurePairs(sizeComparisons(results, models), outcomesOf),
    equalKept: equalKeptPairs(measurePairs(equalKeptComparisons(results, models), outcomesOf).pairs, models),
  };
  return { document, outcomesOf, sizeTrend: sizeTrendDocument(document, { delta: DELTA }, measured) };
};
