import type { SharedItems, SweepsComparison, SweepsRow } from '../../contract/compare.ts';
import { distinct } from '../../contract/distinct.ts';
import type { ItemOutcome } from '../../contract/outcome.ts';
import { type RunManifest, runName } from '../../contract/run.ts';
import { factorKey, type SweepDocument, type SweepResult } from '../../contract/sweep.ts';
import type { MetricName } from '../../contract/task.ts';
import { holmAdjusted } from '../../statistics/p-values.ts';
import { counted, listed } from '../../words/numbers.ts';
import { truncationNotes } from '../../words/truncation.ts';
import { type DrawOutcomes, pairDrawByDraw, readingOf } from '../comparison/pairs.ts';
import { settingsDifference } from './settings-difference.ts';
import { newcombeInterval } from '../../statistics/unpaired-difference.ts';
import { spreadOf } from '../draws.ts';
import { summarise } from '../summarise.ts';

/** A draw of a candidate; null: its outcomes are no longer stored. */
interface StoredDraw {
  readonly seed: number | null;
  readonly outcomes: readonly ItemOutcome[] | null;
}

interface Draws {
  readonly metric: MetricName;
  readonly draws: readonly StoredDraw[];
  readonly reference: readonly StoredDraw[];
  /** Whether the tasks of both are the same by their content. */
  readonly isSameTask: boolean;
}

type Compared = Omit<
  SweepsRow,
  'run' | 'task' | 'model' | 'referenceModel' | 'method' | 'referenceMethod' | 'factor' | 'metric' | 'pHolm' | 'reading'
>;

const stored = (draws: readonly StoredDraw[]): readonly DrawOutcomes[] =>
  draws.flatMap(({ seed, outcomes }) => (outcomes === null ? [] : [{ seed, outcomes }]));

/** How to compare the items of two draws, and the ids that both have. */
const sharedBy = (left: readonly ItemOutcome[], right: readonly ItemOutcome[], isSameTask: boolean) => {
  if (!isSameTask) return { items: 'other' as const, ids: new Set<string>() };
  const known = new Set(right.map(({ id }) => id));
  const ids = new Set(left.map(({ id }) => id).filter((id) => known.has(id)));
  const items: SharedItems =
    ids.size === 0 ? 'other' : ids.size === left.length && ids.size === right.length ? 'same' : 'common';
  return { items, ids };
};

const valueOf = (metric: MetricName, { outcomes }: DrawOutcomes): number => summarise(metric, outcomes, null).value;

const hasGroups = (outcomes: readonly ItemOutcome[]): boolean =>
  outcomes.some((outcome) => outcome.kind === 'choice' && outcome.group !== undefined);

/** Two samples of different items; null where these methods give no interval. */
const unpaired = (metric: MetricName, one: DrawOutcomes, other: DrawOutcomes) => {
  if (metric === 'perplexity' || hasGroups(one.outcomes) || hasGroups(other.outcomes)) return null;
  const proportion = (draw: DrawOutcomes) => ({
    right: Math.round(valueOf(metric, draw) * draw.outcomes.length),
    n: draw.outcomes.length,
  });
  return newcombeInterval(proportion(one), proportion(other));
};

/** Pairs draws of the same seed where both have them, else every draw with every draw. */
const pairsOf = (
  draws: readonly DrawOutcomes[],
  reference: readonly DrawOutcomes[],
): readonly { readonly one: DrawOutcomes; readonly other: DrawOutcomes }[] => {
  const alike = draws.flatMap((draw) =>
    reference.filter(({ seed }) => seed === draw.seed).map((other) => ({ one: draw, other })),
  );
  return alike.length > 0 ? alike : draws.flatMap((draw) => reference.map((other) => ({ one: draw, other })));
};

/**
 * A candidate against its counterpart: means over draws, and every pair of draws separately. Null where the outcomes of
 * either are no longer stored.
 */
const compareDraws = ({ metric, draws, reference, isSameTask }: Draws): Compared | null => {
  const pairs = pairsOf(stored(draws), stored(reference));
  const [first] = pairs;
  if (first === undefined) return null;
  const { items, ids } = sharedBy(first.one.outcomes, first.other.outcomes, isSameTask);
  const kept = ({ seed, outcomes }: DrawOutcomes): DrawOutcomes => ({
    seed,
    outcomes: items === 'common' ? outcomes.filter(({ id }) => ids.has(id)) : outcomes,
  });
  const compared = pairs.map(({ one, other }) => ({ one: kept(one), other: kept(other) }));
  const [{ one: own, other: against } = first] = compared;
  const shared = {
    items,
    n: own.outcomes.length,
    referenceN: against.outcomes.length,
    value: spreadOf(compared.map(({ one }) => valueOf(metric, one))).mean,
    referenceValue: spreadOf(compared.map(({ other }) => valueOf(metric, other))).mean,
  };
  if (items !== 'other') {
    const { difference, lowest, highest, interval, p, lost, gained, ...over } = pairDrawByDraw(metric, compared);
    const each = over.pairs.map(({ seed, otherSeed, difference: apart, low, high }) => ({
      seed,
      otherSeed,
      difference: apart,
      interval: { low, high },
    }));
    return { ...shared, difference, lowest, highest, interval, pairs: each, p, lost, gained };
  }
  const each = compared.map(({ one, other }) => ({
    seed: one.seed,
    otherSeed: other.seed,
    difference: valueOf(metric, one) - valueOf(metric, other),
    interval: unpaired(metric, one, other),
  }));
  const { lowest, highest } = spreadOf(each.map(({ difference }) => difference));
  return {
    ...shared,
    difference: shared.value - shared.referenceValue,
    lowest,
    highest,
    interval: each.length === 1 ? (each[0]?.interval ?? null) : null,
    pairs: each,
    p: null,
    lost: null,
    gained: null,
  };
};

/** A sweep to compare; `outcomesOf` answers null for outcomes that are no longer stored. */
export interface ComparedSweep {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
  readonly outcomesOf: (result: SweepResult) => readonly ItemOutcome[] | null;
}

/**
 * Matches names: those that both have; where they share none and each has a single one, these two (a sweep of one
 * method against a sweep of another).
 */
export const matchedNames = (names: readonly string[], reference: readonly string[]): ReadonlyMap<string, string> => {
  const shared = names.filter((name) => reference.includes(name));
  const [sweepName, referenceName] = [names[0], reference[0]];
  const isSinglePair = shared.length === 0 && names.length === 1 && reference.length === 1;
  return isSinglePair && sweepName !== undefined && referenceName !== undefined
    ? new Map([[sweepName, referenceName]])
    : new Map(shared.map((name) => [name, name]));
};

const namesOf = (results: readonly SweepResult[], part: 'model' | 'task'): readonly string[] =>
  distinct(results.map((result) => result[part]));

/** Methods with a point above factor 1. */
const methodsOf = (results: readonly SweepResult[]): readonly string[] =>
  distinct(results.filter(({ factor }) => factor > 1).map(({ method }) => method));

type Group = readonly [SweepResult, ...SweepResult[]];

/** Draws of each candidate on each task, by a key that both sweeps share. */
const grouped = (
  results: readonly SweepResult[],
  keyOf: (result: SweepResult) => string | null,
): ReadonlyMap<string, Group> => {
  const groups = new Map<string, [SweepResult, ...SweepResult[]]>();
  for (const result of results) {
    const key = keyOf(result);
    if (key === null) continue;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [result]);
    else known.push(result);
  }
  return groups;
};

interface Pairing {
  readonly rows: readonly SweepsRow[];
  /** Candidates of either that the other does not have. */
  readonly alone: number;
  /** Candidates that both have, but whose outcomes are gone. */
  readonly gone: number;
}

const compareWith = (reference: ComparedSweep, sweep: ComparedSweep): Pairing => {
  const [ours, theirs] = [sweep.document.results, reference.document.results];
  const models = matchedNames(namesOf(ours, 'model'), namesOf(theirs, 'model'));
  const methods = matchedNames(methodsOf(ours), methodsOf(theirs));
  const key = (model: string, task: string, method: string, factor: number): string =>
    JSON.stringify([model, task, method, factorKey(factor)]);
  const ourGroups = grouped(ours, ({ model, task, method, factor }) => {
    // The unpruned model at each type of weights has a name of its own.
    const [known, stand] = [models.get(model), factor > 1 ? methods.get(method) : method];
    return known === undefined || stand === undefined ? null : key(known, task, stand, factor);
  });
  const other = grouped(theirs, ({ model, task, method, factor }) => key(model, task, method, factor));
  const hashOf = ({ manifest }: ComparedSweep, task: string): string | undefined =>
    manifest.tasks.find(({ name }) => name === task)?.hash;
  let gone = 0;
  const rows = [...ourGroups].flatMap(([name, draws]): SweepsRow[] => {
    const against = other.get(name);
    if (against === undefined) return [];
    const [one] = draws;
    const [base] = against;
    const compared = compareDraws({
      metric: one.metric,
      draws: draws.map(({ seed, ...result }) => ({ seed, outcomes: sweep.outcomesOf({ seed, ...result }) })),
      reference: against.map(({ seed, ...result }) => ({ seed, outcomes: reference.outcomesOf({ seed, ...result }) })),
      isSameTask: one.metric === base.metric && hashOf(sweep, one.task) === hashOf(reference, one.task),
    });
    if (compared === null) {
      gone += 1;
      return [];
    }
    const { model, task, method, factor, metric } = one;
    return [
      {
        run: sweep.manifest.id,
        task,
        model,
        referenceModel: base.model,
        method,
        referenceMethod: base.method,
        factor,
        metric,
        ...compared,
        pHolm: null,
        reading: readingOfPairs(metric, compared.pairs),
      },
    ];
  });
  const shared = [...ourGroups.keys()].filter((name) => other.has(name)).length;
  const alone =
    grouped(ours, (result) => JSON.stringify([result.model, result.task, result.method, factorKey(result.factor)]))
      .size +
    other.size -
    2 * shared;
  return { rows, alone, gone };
};

/** Null where a pair of draws has no interval. */
const readingOfPairs = (metric: MetricName, pairs: SweepsRow['pairs']): SweepsRow['reading'] => {
  const intervals = pairs.flatMap(({ interval }) => interval ?? []);
  return intervals.length < pairs.length ? null : readingOf(metric, intervals);
};

const noteOn = (rows: readonly SweepsRow[], items: SharedItems): readonly string[] => {
  const tasks = distinct(rows.filter((row) => row.items === items).map(({ task }) => task));
  if (tasks.length === 0 || items === 'same') return [];
  return items === 'common'
    ? [`On ${listed(tasks)} one sweep asked more items than the other: both are compared on those that they share.`]
    : [
        `On ${listed(tasks)} the sweeps asked different items: nothing is paired, and the interval is that of two ` +
          'independent samples (Newcombe 1998), which is wider.',
      ];
};

const notesOf = (sweeps: readonly ComparedSweep[], pairings: readonly Pairing[]): string[] => {
  const rows = pairings.flatMap((pairing) => pairing.rows);
  const alone = pairings.reduce((sum, pairing) => sum + pairing.alone, 0);
  const gone = pairings.reduce((sum, pairing) => sum + pairing.gone, 0);
  const curtailed = sweeps
    .filter(({ document }) => (document.curtailed ?? []).length > 0)
    .map(({ manifest }) => runName(manifest));
  const unfinished = sweeps
    .filter(({ manifest }) => manifest.state !== 'done')
    .map(({ manifest }) => runName(manifest));
  return [
    ...new Set(sweeps.flatMap(({ document }) => truncationNotes(document.results))),
    ...(rows.length === 0
      ? ['The sweeps share no candidate: no model, task, method and factor is measured in both.']
      : []),
    ...noteOn(rows, 'common'),
    ...noteOn(rows, 'other'),
    ...(alone === 0
      ? []
      : [`${counted(alone, 'candidate')} of one sweep ${alone === 1 ? 'is' : 'are'} not in the other.`]),
    ...(gone === 0
      ? []
      : [`The outcomes of ${counted(gone, 'candidate')} are no longer stored: resume the sweep that lacks them.`]),
    ...(curtailed.length === 0
      ? []
      : [
          `${listed(curtailed)} stopped candidates once their verdict was decided: only those that were measured in ` +
            'full are here.',
        ]),
    ...(unfinished.length === 0 ? [] : [`${listed(unfinished)} did not finish: what is measured is compared.`]),
  ];
};

/**
 * Compares sweeps with the first of them: settings that differ, and the difference of each candidate, paired where the
 * items are the same. Pure.
 */
export const compareSweeps = (
  sweeps: readonly [ComparedSweep, ComparedSweep, ...ComparedSweep[]],
): SweepsComparison => {
  const [reference, ...others] = sweeps;
  const pairings = others.map((sweep) => compareWith(reference, sweep));
  const rows = pairings.flatMap((pairing) => pairing.rows);
  const adjusted = holmAdjusted(rows.map(({ p }) => p));
  const { differing, same } = settingsDifference(sweeps.map(({ manifest }) => manifest));
  return {
    runs: sweeps.map(({ manifest }) => ({ run: manifest.id, name: runName(manifest), createdAt: manifest.createdAt })),
    settings: [...differing],
    sameSettings: same,
    rows: rows.map((row, index) => ({ ...row, pHolm: adjusted[index] ?? null })),
    notes: notesOf(sweeps, pairings),
  };
};

/** "12 comparisons: 2 better, 1 worse, 9 cannot tell; 1 of them by Holm's procedure." */
export const sweepsOverview = ({ rows }: Pick<SweepsComparison, 'rows'>): string => {
  const count = (reading: SweepsRow['reading']): number => rows.filter((row) => row.reading === reading).length;
  const afterHolm = rows.filter(
    ({ pHolm, reading }) => pHolm !== null && pHolm <= 0.05 && (reading === 'better' || reading === 'worse'),
  ).length;
  const without = count(null);
  const differ = count('draws-differ');
  return (
    `${counted(rows.length, 'comparison')}: ${count('better')} better, ${count('worse')} worse, ` +
    `${count('cannot-tell')} cannot tell${differ === 0 ? '' : `, ${differ} differ between draws`}` +
    `${without === 0 ? '' : `, ${without} without an interval`}; ` +
    `${afterHolm} significant by Holm\u2019s procedure over all.`
  );
};
