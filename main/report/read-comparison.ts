import type { CompareDocument } from '../contract/compare.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { compareMethods, measureMethods, type MeasuredMethods } from '../evaluation/compare-methods.ts';
import { comparedModels, comparedResults, comparePoints, type ComparePoints } from '../evaluation/compare-points.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { readPointOutcomes } from './point-outcomes.ts';

type Stores = Pick<Workspace, 'runs' | 'steps'>;

/** Measures the methods of a sweep at each of the given points, reading its stored outcomes once. */
export const readMeasuredMethods = async (stores: Stores, run: string, points: readonly ComparePoints[]): Promise<MeasuredMethods[]> => {
  const outcomesOf = await readPointOutcomes(stores, run, points.flatMap(comparedResults));
  return points.map((one) => measureMethods(one, outcomesOf));
};

export interface ComparisonChoice {
  /** Default: the first model of the sweep. */
  readonly model?: string | undefined;
  /** Default: the middle one of those that most curves are measured at. */
  readonly factor?: number | undefined;
  /** Default: the best method of each task. */
  readonly reference?: string | undefined;
}

/**
 * What a report and figures show: every model of a sweep at its middle factor, against the best method of each task. Empty
 * where no model has two methods to compare.
 */
export const readReportComparisons = async (stores: Stores, document: SweepDocument): Promise<CompareDocument[]> => {
  const models = comparedModels(document.results).filter(
    (model) => new Set(document.results.filter((one) => one.model === model && one.factor > 1).map(({ method }) => method)).size > 1,
  );
  const comparisons = await readComparisons(stores, document, models.map((model) => ({ model })));
  return comparisons.filter(({ tasks }) => tasks.length > 0);
};

/** The methods of a stored sweep against each other, for one model each. */
export const readComparisons = async (stores: Stores, document: SweepDocument, choices: readonly ComparisonChoice[]): Promise<CompareDocument[]> => {
  const measured = await readMeasuredMethods(stores, document.run, choices.map((choice) => comparePoints(document, choice)));
  return measured.map((one, index) => compareMethods(document, one, choices[index]?.reference));
};
