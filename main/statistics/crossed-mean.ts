import { at } from '../contract/errors.ts';
import { mean as meanOf } from './bootstrap.ts';
import { studentT } from './distributions.ts';

const ALPHA = 0.05;

const squaresAround = (values: readonly number[], centre: number): number =>
  values.reduce((sum, value) => sum + (value - centre) ** 2, 0);

/**
 * Mean of a table [draws][items] with a 95 % interval over both: other items and other draws (random effects, crossed).
 * The variance of the mean is (MS of items + MS of draws - MS of the rest) / cells, not below either of the first two;
 * Student's t with Satterthwaite's degrees of freedom, rounded down (Satterthwaite 1946, doi:10.2307/3002019). One
 * draw: the usual interval over items. Null for fewer than two items, draws of different length, or equal
 * values everywhere, which say nothing about their spread.
 */
export const crossedMean = (
  table: readonly (readonly number[])[],
): { readonly mean: number; readonly low: number; readonly high: number } | null => {
  const draws = table.length;
  const n = table[0]?.length ?? 0;
  if (n < 2 || table.some((row) => row.length !== n)) return null;
  const rowMeans = table.map(meanOf);
  const mean = meanOf(rowMeans);
  const itemMeans = Array.from({ length: n }, (_, item) => meanOf(table.map((row) => at(row, item))));
  const cells = n * draws;
  const ofItems = (draws * squaresAround(itemMeans, mean)) / (n - 1) / cells;
  const ofDraws = draws < 2 ? 0 : (n * squaresAround(rowMeans, mean)) / (draws - 1) / cells;
  const rest = table.reduce(
    (sum, row, draw) =>
      sum +
      row.reduce((total, value, item) => total + (value - at(itemMeans, item) - at(rowMeans, draw) + mean) ** 2, 0),
    0,
  );
  const ofRest = draws < 2 ? 0 : rest / ((n - 1) * (draws - 1)) / cells;
  const variance = Math.max(ofItems + ofDraws - ofRest, ofItems, ofDraws);
  if (variance === 0) return null;
  const spread =
    ofItems ** 2 / (n - 1) + (draws < 2 ? 0 : ofDraws ** 2 / (draws - 1) + ofRest ** 2 / ((n - 1) * (draws - 1)));
  const degrees = Math.max(1, Math.floor(Math.min(variance ** 2 / spread, n - 1)));
  const reach = studentT(ALPHA, degrees) * Math.sqrt(variance);
  return { mean, low: mean - reach, high: mean + reach };
};
