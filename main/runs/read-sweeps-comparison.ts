import { MOST_SWEEPS, type SweepsComparison } from '../contract/compare-sweeps.ts';
import { refuse } from '../contract/errors.ts';
import { type ComparedSweep, compareSweeps } from '../evaluation/sweeps/compare-sweeps.ts';
import type { RunManifest } from '../contract/run.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { readListedLabel } from '../workspace/run-label-file.ts';
import { readPointOutcomes } from './read-run.ts';
import { readSweepDocument } from './sweep-record.ts';

type Stores = Pick<Workspace, 'runs' | 'steps'>;

const readOne = async (stores: Stores, run: string): Promise<ComparedSweep> => {
  const manifest: RunManifest = await stores.runs.read(run);
  if (manifest.kind !== 'sweep')
    throw refuse('not-a-sweep', `${run} is a ${manifest.kind}, not a sweep.`, 'Choose sweeps to compare.');
  const folder = stores.runs.folder(run);
  const document = await readSweepDocument(folder);
  if (document === null)
    throw refuse(
      'nothing-measured',
      `${run} (${manifest.state}) has not measured anything yet.`,
      'Wait for its first point, or resume it.',
    );
  return {
    manifest: { ...manifest, label: await readListedLabel(folder) },
    document,
    outcomesOf: await readPointOutcomes(stores, run, document.results),
  };
};

/**
 * Stored sweeps against the first of them, from their items' outcomes.
 *
 * @throws WorkbenchError refused: `bad-usage` for fewer than two, too many or the same twice; `not-a-sweep`,
 * `nothing-measured`.
 */
export const readSweepsComparison = async (stores: Stores, runs: readonly string[]): Promise<SweepsComparison> => {
  const [first, second, ...others] = runs;
  if (first === undefined || second === undefined || runs.length > MOST_SWEEPS || new Set(runs).size < runs.length)
    throw refuse(
      'bad-usage',
      `${String(runs.length)} sweeps cannot be compared, or one is named twice.`,
      `Choose 2 to ${String(MOST_SWEEPS)} different ones.`,
    );
  const rest: ComparedSweep[] = [];
  const reference = await readOne(stores, first);
  const other = await readOne(stores, second);
  for (const run of others) rest.push(await readOne(stores, run));
  return compareSweeps([reference, other, ...rest]);
};
