import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, type WorkbenchError } from '../contract/errors.ts';
import type { FlippedItem, RewrittenItem } from '../contract/reproduction.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SweepFact } from '../contract/sweep-fact.ts';
import { type PointName, pointNameKey, type SweepDocument, type SweepResult } from '../contract/sweep.ts';
import { type AllowanceOf, namedEntries } from '../evaluation/field-differences.ts';
import { curveWords, pointWords } from '../words/verdicts.ts';
import { planContent } from '../jobs/step.ts';
import { type PointOutcomes, readPointBlocks } from '../runs/read-outcomes.ts';
import { OUTCOMES } from '../runs/stored-outcomes.ts';
import {
  PLANS,
  POINTS,
  readPointIndex,
  readRunPlans,
  readSweepDocument,
  RESULTS,
  type RunPlans,
} from '../runs/sweep-record.ts';
import { readSealedFiles } from '../workspace/sealed-files.ts';
import { compareOutcomes, compareSweeps, type Findings, isOfSameItems, pointNameOf } from './differences.ts';
import { compareManifests, type ManifestAgain, nameOtherFiles } from './compare-manifests.ts';
import { compareProfiles } from './compare-profiles.ts';
import { FieldLedger, ROUNDING } from './field-ledger.ts';

const SPEED = 'a speed depends on what else the machine does';
export const OWN_NAME = 'names the run itself';
const STEP =
  'the key of a stored result, made of model, plan, items, device and version, which are compared themselves';
const NEWER = 'the first run was made by a version that did not record it; it follows from the written tokens';
const WEIGHTS = 'names a file of weights by its bytes, which rounding changes';

const isResult = (holder: unknown): holder is SweepResult =>
  typeof holder === 'object' && holder !== null && 'metric' in holder && 'perplexity' in holder;

const isWithout = (holder: unknown, name: string): boolean =>
  typeof holder === 'object' && holder !== null && !(name in holder);

const RELATIVE_TO_VALUE = /^results\.(?:value|perplexity|difference|low|high)$/;
const IN_NATS = /^results\.(?:lowOneSided|highOneSided|lowTail\.low)$/;

/** How much a result on items may differ the second time. */
export const resultsAllowance: AllowanceOf = (field, holders) => {
  if (field === 'run') return { kind: 'any', reason: OWN_NAME };
  if (/^results\.cost\.\w+TokensPerSecond$/.test(field)) return { kind: 'any', reason: SPEED };
  if (field.endsWith('.droppedShare')) return { kind: 'rounding', absolute: ROUNDING.sums };
  if (/^(?:results|(?:elsewhere|calibrationDraws)\.result)\.(?:answerLoss|fidelity)\./.test(field))
    return { kind: 'rounding', absolute: ROUNDING.score };
  const result = holders.find(isResult);
  if (result?.metric === 'perplexity') {
    if (RELATIVE_TO_VALUE.test(field)) return { kind: 'rounding', absolute: ROUNDING.derived * Math.abs(result.value) };
    if (IN_NATS.test(field)) return { kind: 'rounding', absolute: ROUNDING.derived };
  }
  return { kind: 'rounding', share: ROUNDING.lastDigits };
};

const outcomesAllowance: AllowanceOf = (field, [before]) => {
  if (field === 'outcomes.loop' && isWithout(before, 'loop')) return { kind: 'any', reason: NEWER };
  return /logprobs?$|fidelity\.(?:kl|reverseKl|acceptance)$/.test(field)
    ? { kind: 'rounding', absolute: ROUNDING.score }
    : { kind: 'none' };
};

/** How much the plan of a second run may differ. */
export const plansAllowance: AllowanceOf = (field) => {
  if (field.endsWith('.weights') && /\.(?:recovery|constants)\.weights$/.test(field))
    return { kind: 'any', reason: WEIGHTS };
  return /\.(?:kept|members|reference|steps|items|tokens)$/.test(field)
    ? { kind: 'none' }
    : { kind: 'rounding', share: ROUNDING.sums };
};

/** Facts that depend on what was on disk or on the memory of the machine. */
const OF_MACHINE: ReadonlySet<string> = new Set<SweepFact['code']>(['steps', 'hidden-states']);

const factName = (fact: SweepFact): string =>
  [fact.code, 'model' in fact ? fact.model : [], 'task' in fact ? fact.task : [], 'method' in fact ? fact.method : []]
    .flat()
    .join(' ');

/** Everything of a document except results and thresholds, which are compared one by one. */
const comparable = ({
  results: _results,
  thresholds: _thresholds,
  notes: _notes,
  facts: _facts,
  ...document
}: SweepDocument): unknown => ({
  ...document,
  curtailed: namedEntries(document.curtailed ?? [], pointWords),
  elsewhere: namedEntries(
    document.elsewhere ?? [],
    ({ madeFor, result }) => `${pointWords(result)}, made for ${madeFor ?? 'all tasks'}`,
  ),
  calibrationDraws: namedEntries(
    document.calibrationDraws ?? [],
    ({ draw, items, result }) => `${pointWords(result)}, calibration draw ${draw} of ${items} items`,
  ),
  notNeeded: namedEntries(document.notNeeded ?? [], pointWords),
});

/** Compares what both runs say beside their numbers, and names what cannot be compared. */
const compareFacts = (ledger: FieldLedger, before: SweepDocument, after: SweepDocument): void => {
  const [was, is] = [before.facts ?? [], after.facts ?? []];
  // Only PyTorch has a referee: onnxruntime repeats all answers, which are compared themselves.
  const isRefereed = [was, is].every((facts) => facts.some(({ code }) => code === 'referee'));
  const isCompared = ({ code }: SweepFact): boolean => !OF_MACHINE.has(code) && (isRefereed || code !== 'referee');
  for (const fact of was.filter((entry) => !isCompared(entry))) {
    const reason =
      fact.code === 'referee'
        ? 'only a run of PyTorch asks a referee; the answers themselves are compared'
        : 'depends on what was on disk and on the memory of the machine';
    ledger.compare(RESULTS, () => ({ kind: 'any', reason }), fact, fact, { kind: 'facts', name: factName(fact) });
  }
  ledger.compare(
    RESULTS,
    () => ({ kind: 'rounding', share: ROUNDING.lastDigits }),
    namedEntries(was.filter(isCompared), factName),
    namedEntries(is.filter(isCompared), factName),
    { kind: 'facts', name: '' },
  );
};

/** Compares entries of both lists by name; those that `isExplained` names follow from different profiles. */
const compareEntries = <T>(
  ledger: FieldLedger,
  kind: 'results' | 'thresholds',
  [before, after]: readonly [readonly T[], readonly T[]],
  nameOf: (entry: T) => string,
  isExplained: (entry: T) => boolean,
): void => {
  const [first, second] = [namedEntries(before, nameOf), namedEntries(after, nameOf)];
  for (const name of new Set([...first.keys(), ...second.keys()])) {
    const [was, is] = [first.get(name), second.get(name)];
    const entry = was ?? is;
    const of = { kind, name, isExplained: entry !== undefined && isExplained(entry) };
    ledger.compare(RESULTS, resultsAllowance, was, is, of);
  }
};

const gone = (what: string): WorkbenchError =>
  fail(
    'outcomes-missing',
    `${what} does not exist, so there is nothing to compare with.`,
    'Resume that run, then reproduce it.',
  );

/** Points of both files by name, read in step; points in another order wait for their partner. */
const pairedBlocks = async function* (
  first: AsyncIterable<PointOutcomes>,
  second: AsyncIterable<PointOutcomes>,
): AsyncGenerator<readonly [PointOutcomes | null, PointOutcomes | null]> {
  const waiting = [new Map<string, PointOutcomes>(), new Map<string, PointOutcomes>()] as const;
  const sides = [first[Symbol.asyncIterator](), second[Symbol.asyncIterator]()] as const;
  const isDone = [false, false];
  while (!isDone.every(Boolean)) {
    for (const side of [0, 1] as const) {
      if (isDone[side] === true) continue;
      const next = await sides[side].next();
      if (next.done === true) {
        isDone[side] = true;
        continue;
      }
      const key = pointNameKey(next.value.point);
      const other = waiting[side === 0 ? 1 : 0].get(key);
      if (other === undefined) waiting[side].set(key, next.value);
      else {
        waiting[side === 0 ? 1 : 0].delete(key);
        yield side === 0 ? [next.value, other] : [other, next.value];
      }
    }
  }
  for (const block of waiting[0].values()) yield [block, null];
  for (const block of waiting[1].values()) yield [null, block];
};

interface ComparedOutcomeFiles {
  readonly items: number;
  readonly flipped: readonly FlippedItem[];
  readonly rewritten: readonly RewrittenItem[];
  readonly largestScoreDifference: number;
}

const rowOf = ({
  outcome: { id: _id, ...outcome },
  correct,
  correctNorm,
}: PointOutcomes['stored'][number]): unknown => ({
  ...outcome,
  ...(correct === null ? {} : { correct }),
  ...(correctNorm === null ? {} : { correct_norm: correctNorm }),
});

const compareOutcomeFiles = async (
  ledger: FieldLedger,
  first: string,
  second: string,
  { results }: SweepDocument,
  isExplained: (point: PointName) => boolean,
): Promise<ComparedOutcomeFiles> => {
  const [before, after] = [await readPointBlocks(join(first, OUTCOMES)), await readPointBlocks(join(second, OUTCOMES))];
  if (before === null) throw gone(join(first, OUTCOMES));
  if (after === null) throw gone(join(second, OUTCOMES));
  ledger.read(OUTCOMES);
  const unread = new Set(results.map(pointNameKey));
  const flipped: FlippedItem[] = [];
  const rewritten: RewrittenItem[] = [];
  let [items, largestScoreDifference] = [0, 0];
  for await (const [was, is] of pairedBlocks(before, after)) {
    if (was === null || is === null) {
      const { point, stored } = was ?? is ?? { point: null, stored: [] };
      if (point === null) continue;
      if (was !== null) unread.delete(pointNameKey(point));
      const [there, here] = was === null ? [undefined, stored.length] : [stored.length, undefined];
      ledger.changed(OUTCOMES, 'outcomes', `outcomes[${pointWords(point)}]`, there, here);
      continue;
    }
    unread.delete(pointNameKey(was.point));
    const where = `outcomes[${pointWords(was.point)}]`;
    const explained = isExplained(was.point);
    if (was.kept !== is.kept) ledger.changed(OUTCOMES, 'kept', `${where}.kept`, was.kept, is.kept);
    was.stored.forEach((entry, index) => {
      const other = is.stored[index];
      if (other === undefined || entry.outcome.id !== other.outcome.id || entry.outcome.kind !== other.outcome.kind) {
        ledger.changed(OUTCOMES, 'item', `${where}[${index}].item`, entry.outcome.id, other?.outcome.id);
        return;
      }
      ledger.compare(OUTCOMES, outcomesAllowance, rowOf(entry), rowOf(other), {
        kind: 'outcomes',
        name: `${pointWords(was.point)}, item ${entry.outcome.id}`,
        isExplained: explained,
      });
    });
    if (is.stored.length > was.stored.length)
      ledger.changed(OUTCOMES, 'item', where, was.stored.length, is.stored.length);
    if (!isOfSameItems(was.outcomes, is.outcomes)) continue;
    const compared = compareOutcomes(was.outcomes, is.outcomes);
    items += was.outcomes.length;
    largestScoreDifference = Math.max(largestScoreDifference, compared.largestScoreDifference);
    for (const flip of compared.flipped) flipped.push({ ...pointNameOf(was.point), ...flip });
    for (const item of compared.rewritten) rewritten.push({ ...pointNameOf(was.point), ...item });
  }
  for (const name of unread) ledger.changed(OUTCOMES, 'outcomes', `outcomes[${name}]`, undefined, name);
  return { items, flipped, rewritten, largestScoreDifference };
};

interface PointPlans {
  readonly kept: ReadonlyMap<string, { readonly kept: number; readonly step: string }>;
  readonly plans: RunPlans | null;
}

const readPointPlans = async (folder: string): Promise<PointPlans> => ({
  kept: new Map((await readPointIndex(folder)).map(({ kept, step, ...point }) => [pointWords(point), { kept, step }])),
  plans: await readRunPlans(folder),
});

/** Compares the plan of each point; returns the points with different plans, or null if no plans were stored. */
const comparePlans = async (
  ledger: FieldLedger,
  first: string,
  second: string,
  { results }: SweepDocument,
  expertsOf: (model: string) => number,
  isRerouted: (point: PointName) => boolean,
): Promise<readonly PointName[] | null> => {
  const [before, after] = [await readPointPlans(first), await readPointPlans(second)];
  ledger.read(POINTS);
  ledger.compare(
    POINTS,
    (field) => (field.endsWith('step') ? { kind: 'any', reason: STEP } : { kind: 'none' }),
    before.kept,
    after.kept,
    { kind: 'points', name: '' },
  );
  if (before.plans === null || after.plans === null) {
    ledger.allowed(PLANS, 'file', 'one of the runs stored no plans');
    return null;
  }
  ledger.read(PLANS);
  const replanned: PointName[] = [];
  for (const result of results) {
    const name = pointWords(result);
    const [was, is] = [before, after].map(({ kept, plans }) => {
      const plan = plans?.get(kept.get(name)?.step ?? '');
      return plan === undefined ? undefined : planContent(plan, expertsOf(result.model));
    });
    const sweepLedger = new FieldLedger();
    sweepLedger.compare(PLANS, plansAllowance, was, is, { kind: 'plans', name });
    ledger.compare(PLANS, plansAllowance, was, is, { kind: 'plans', name, isExplained: isRerouted(result) });
    if (sweepLedger.found([]).changed.length > 0) replanned.push(pointNameOf(result));
  }
  return replanned;
};

/** The manifest of the first run with its provenance, and what that of a second one says. */
export interface FirstManifest {
  readonly before: RunManifest;
  readonly again: ManifestAgain;
}

/**
 * Compares everything that a sweep stored with what a second run of it stored.
 *
 * @throws WorkbenchError `outcomes-missing` if the first run contains no outcomes.
 */
export const compareSweepFolders = async (
  first: string,
  second: string,
  expertsOf: (model: string) => number,
  manifests?: FirstManifest,
): Promise<Findings> => {
  const [before, after] = [await readSweepDocument(first), await readSweepDocument(second)];
  if (before === null) throw gone(join(first, RESULTS));
  if (after === null) throw gone(join(second, RESULTS));
  const ledger = new FieldLedger();
  ledger.read(RESULTS);
  ledger.compare(RESULTS, resultsAllowance, comparable(before), comparable(after));
  compareFacts(ledger, before, after);
  if (manifests !== undefined) compareManifests(ledger, manifests.before, manifests.again);
  const rerouted = await compareProfiles(ledger, first, second);
  const isRerouted = (point: Pick<PointName, 'model' | 'task'>): boolean =>
    rerouted.some(({ model, task }) => model === point.model && task === point.task);
  const replanned = await comparePlans(ledger, first, second, before, expertsOf, isRerouted);
  const due = (replanned ?? []).filter(isRerouted);
  const points = new Set(due.map(pointNameKey));
  const curves = new Set(due.map(curveWords));
  const isExplained = (point: PointName): boolean => points.has(pointNameKey(point));
  const isExplainedCurve = (curve: Omit<PointName, 'factor'>): boolean => curves.has(curveWords(curve));
  compareEntries(ledger, 'results', [before.results, after.results], pointWords, isExplained);
  compareEntries(ledger, 'thresholds', [before.thresholds, after.thresholds], curveWords, isExplainedCurve);
  const outcomes = await compareOutcomeFiles(ledger, first, second, before, isExplained);
  nameOtherFiles(ledger, await readdir(first));
  const { changed: edited } = await readSealedFiles(first);
  const found = {
    ...compareSweeps(before, after),
    flipped: [...outcomes.flipped],
    rewritten: [...outcomes.rewritten],
  };
  const others = [...found.changed, ...found.missing, ...found.added, ...found.flipped, ...found.rewritten];
  return {
    ...found,
    points: after.results.length,
    items: outcomes.items,
    replanned: replanned === null ? null : [...replanned],
    rerouted: [...rerouted],
    unexplained:
      ledger.unexplained +
      others.filter((point) => !isExplained(point)).length +
      found.thresholds.filter((threshold) => !isExplainedCurve(threshold.before)).length,
    largestScoreDifference: outcomes.largestScoreDifference,
    fields: ledger.found(edited, manifests?.before.provenance),
  };
};
