import { MOST_SWEEPS, type SweepsComparison } from '../contract/compare-sweeps.ts';
import { refuse } from '../contract/errors.ts';
import { runName } from '../contract/run-label.ts';
import { checkNotes } from '../words/verdicts.ts';
import { type ComparedSweep, compareSweeps } from '../evaluation/sweeps/compare-sweeps.ts';
import { readListedLabel } from '../workspace/run-label-file.ts';
import { requireCheckedSweep, sweepManifestOf } from './read-run.ts';
import type { RunSource } from './run-source.ts';
import { readPointOutcomes } from './stored-outcomes.ts';

const readOne = async (source: RunSource, run: string): Promise<ComparedSweep> => {
  const manifest = await sweepManifestOf(source, run);
  const document = await requireCheckedSweep(source, manifest);
  return {
    manifest: { ...manifest, label: await readListedLabel(source.runs.folder(run)) },
    document,
    outcomesOf: await readPointOutcomes(source, run, document.results),
  };
};

/**
 * Compares stored sweeps with the first of them, using their items' outcomes.
 *
 * @throws WorkbenchError refused: `bad-usage` for fewer than two, too many or the same twice; `not-a-sweep`,
 * `nothing-measured`.
 */
export const readSweepsComparison = async (source: RunSource, runs: readonly string[]): Promise<SweepsComparison> => {
  const [first, second, ...others] = runs;
  if (first === undefined || second === undefined || runs.length > MOST_SWEEPS || new Set(runs).size < runs.length)
    throw refuse(
      'bad-usage',
      `${String(runs.length)} sweeps cannot be compared, or one is named twice.`,
      `Choose 2 to ${String(MOST_SWEEPS)} different ones.`,
    );
  const rest: ComparedSweep[] = [];
  const reference = await readOne(source, first);
  const other = await readOne(source, second);
  for (const run of others) rest.push(await readOne(source, run));
  const sweeps = [reference, other, ...rest] as const;
  const comparison = compareSweeps(sweeps);
  const checked = sweeps.flatMap(({ manifest, document }) =>
    checkNotes(document).map((note) => `${runName(manifest)}: ${note}`),
  );
  return { ...comparison, notes: [...checked, ...comparison.notes] };
};
