import { join } from 'node:path';
import type { ItemOutcome, WrittenOutcome } from '../contract/outcome.ts';
import { type PointName, pointNameKey } from '../contract/sweep.ts';
import { followedOutcome, type StoredOutcome, type TellColumn } from '../evaluation/followed-outcome.ts';
import { isFile } from '../files/file-errors.ts';
import { itemOfRepeat } from '../tasks/task.ts';
import { editedFile, readSealedFiles } from '../workspace/sealed-files.ts';
import { evaluationRecord } from './evaluation-record.ts';
import { type PointOutcomes, readPointBlocks } from './read-outcomes.ts';
import type { RunSource } from './run-source.ts';
import { readPointIndex } from './sweep-record.ts';

export const OUTCOMES = 'outcomes.parquet';

/** Called for each column of an item that differs from the value computed from the model's answer. */
export type TellOutcome = (column: string, point: PointName, item: string) => void;

/** A point and its items' outcomes, computed from the model's answers. */
export interface PointBlock {
  readonly point: PointName;
  readonly kept: number;
  readonly outcomes: readonly ItemOutcome[];
}

/** Judges equal texts of an item the same way, whatever candidate wrote them. */
const createVerdicts = (): ((point: PointName, outcome: WrittenOutcome, tell: TellColumn) => void) => {
  const known = new Map<string, Pick<WrittenOutcome, 'filtered' | 'correct'>>();
  return ({ task }, { id, text, filtered, correct }, tell) => {
    const key = JSON.stringify([task, id, text]);
    const before = known.get(key);
    if (before === undefined) known.set(key, { filtered, correct });
    else {
      if (before.filtered !== filtered) tell('filtered');
      if (before.correct !== correct) tell('correct');
    }
  };
};

/** Points from the steps of an unfinished run; points without a stored step are left out. */
const stepBlocks = async function* (
  { runs, steps }: RunSource,
  run: string,
  isWanted: (point: PointName) => boolean,
): AsyncGenerator<Omit<PointOutcomes, 'outcomes'>> {
  for (const { step, kept, ...point } of await readPointIndex(runs.folder(run))) {
    if (!isWanted(point)) continue;
    const record = await steps.readJson(step, evaluationRecord);
    if (record === null) continue;
    const stored = record.outcomes.map((outcome): StoredOutcome => ({ outcome, correct: null, correctNorm: null }));
    yield { point, kept, stored };
  }
};

export interface StoredOutcomes {
  /**
   * Whether the outcomes come from the run's own file; otherwise they come from those steps that the workspace still
   * has.
   */
  readonly isFile: boolean;
  readonly blocks: AsyncIterable<PointBlock>;
}

/**
 * The outcomes of a sweep's points, from its `outcomes.parquet` if it is finished, else from the workspace's steps.
 * Correctness is recomputed from the log-probability of each choice, or from the text and the task's rule where the
 * task is available; `tell` is called for every column that differs.
 *
 * @throws WorkbenchError `results-edited` where the file is not the one that the run wrote; `outcomes-damaged`.
 */
export const readStoredOutcomes = async (
  source: RunSource,
  run: string,
  {
    isWanted,
    tell = () => undefined,
  }: { readonly isWanted?: (point: PointName) => boolean; readonly tell?: TellOutcome } = {},
): Promise<StoredOutcomes> => {
  const folder = source.runs.folder(run);
  const findRules = source.rulesOf(await source.runs.read(run));
  const { changed } = await readSealedFiles(folder);
  if (changed.includes(OUTCOMES) && (await isFile(join(folder, OUTCOMES)))) throw editedFile(folder, OUTCOMES);
  const fromFile = await readPointBlocks(join(folder, OUTCOMES), isWanted);
  const stored = fromFile ?? stepBlocks(source, run, isWanted ?? (() => true));
  const blocks = async function* (): AsyncGenerator<PointBlock> {
    const compareVerdicts = createVerdicts();
    for await (const { point, kept, stored: own } of stored) {
      const rules = (await findRules(point.task))?.rules ?? null;
      const outcomes = own.map((entry) => {
        const { id } = entry.outcome;
        const say: TellColumn = (column) => tell(column, point, id);
        const rule = rules?.get(id) ?? rules?.get(itemOfRepeat(id)) ?? null;
        if (rules !== null && rule === null) say('item');
        if (rule === null && entry.outcome.kind === 'written') compareVerdicts(point, entry.outcome, say);
        return followedOutcome(entry, rule, say);
      });
      yield { point, kept, outcomes };
    }
  };
  return { isFile: fromFile !== null, blocks: blocks() };
};

/** Outcomes of some points of a sweep; null for a point without stored outcomes. */
export const readPointOutcomes = async (
  source: RunSource,
  run: string,
  points: readonly PointName[],
): Promise<(point: PointName) => readonly ItemOutcome[] | null> => {
  const wanted = new Set(points.map(pointNameKey));
  const found = new Map<string, readonly ItemOutcome[]>();
  if (wanted.size > 0) {
    const { blocks } = await readStoredOutcomes(source, run, {
      isWanted: (point) => wanted.has(pointNameKey(point)),
    });
    for await (const { point, outcomes } of blocks) {
      const key = pointNameKey(point);
      if (!found.has(key)) found.set(key, outcomes);
    }
  }
  return (point) => found.get(pointNameKey(point)) ?? null;
};
