import type { ExperimentDocument, PublishedTable } from '../../contract/experiment.ts';

/** Decimals of the published accuracies, in percent. */
const DECIMALS = 2;

const rounded = (value: number): number => Number(value.toFixed(DECIMALS));

/** Every published row compared with the scratch model of its size, as in the paper: by the bare difference. */
export const publishedDifferences = (table: PublishedTable): NonNullable<ExperimentDocument['published']> => ({
  ...table,
  rows: table.rows.map((row) => {
    const scratch = table.scratch.find(({ experts }) => experts === row.kept)?.values ?? [];
    const differences = row.values.map((value, index) => {
      const against = scratch[index];
      return value === null || against === undefined ? null : rounded(value - against);
    });
    const known = differences.filter((difference) => difference !== null);
    return {
      ...row,
      factor: row.experts / row.kept,
      differences,
      above: known.filter((difference) => difference > 0).length,
      of: known.length,
    };
  }),
});
