import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { fitChoice, type FitChoice, fitDocument, type FitDocument } from '../contract/fit.ts';
import type { Plan } from '../contract/plan.ts';
import type { SweepResult } from '../contract/sweep.ts';
import { type AllowanceOf, namedEntries } from '../evaluation/field-differences.ts';
import { CHOICE_FILE, FIT_FILE, TIME_FILE } from '../jobs/fit-job.ts';
import { readResult } from '../runs/read-result.ts';
import { counted } from '../words/numbers.ts';
import { readSealedFiles } from '../workspace/sealed-files.ts';
import { compareManifests, nameOtherFiles } from './compare-manifests.ts';
import { type FirstManifest, OWN_NAME, plansAllowance, resultsAllowance } from './compare-sweep-folders.ts';
import { type Findings, leftWords } from './differences.ts';
import { changedFieldsWords, FieldLedger, ROUNDING } from './field-ledger.ts';

const MINUTES = 'the second search has all the time that it needs';
const CHOICE = 'the SHA-256 of the choice, whose fields are compared themselves';
const TIME = 'a time depends on what else the machine does';
/** Losses are means of log-probabilities, exposures are shares of routed choices. */
const fitAllowance: AllowanceOf = (field) => {
  if (field === 'run') return { kind: 'any', reason: OWN_NAME };
  if (field === 'settings.minutes') return { kind: 'any', reason: MINUTES };
  if (field === 'choiceHash') return { kind: 'any', reason: CHOICE };
  if (/^(?:candidates|scored)\.loss\.|^surrogates\.|^forecast\..*loss$|^canaries\..*[lL]oss$/.test(field))
    return { kind: 'rounding', absolute: ROUNDING.score };
  if (/^canaries\..*[eE]xposure$/.test(field)) return { kind: 'rounding', absolute: ROUNDING.sums };
  return { kind: 'none' };
};

/**
 * Refuses a search whose end depended on the clock: a second one would measure more, or less.
 *
 * @throws WorkbenchError `not-repeatable`.
 */
export const requireRepeatable = ({ run, state, timeUsed }: FitDocument): void => {
  const reason =
    state !== 'done' ? 'was stopped before its test' : timeUsed ? 'ended because its time was used up' : null;
  if (reason === null) return;
  throw refuse(
    'not-repeatable',
    `${run} ${reason}, and what it had reached by then depends on the machine.`,
    'Search again with more minutes; a search that comes to its own end can be reproduced.',
  );
};

interface FitFiles {
  readonly document: FitDocument;
  readonly choice: FitChoice;
}

const readFitFiles = async (folder: string): Promise<FitFiles> => {
  const [document, choice] = [
    await readResult(join(folder, FIT_FILE), fitDocument),
    await readResult(join(folder, CHOICE_FILE), fitChoice),
  ];
  if (document !== null && choice !== null) return { document, choice };
  throw refuse('no-fit', `${folder} has no ${document === null ? FIT_FILE : CHOICE_FILE}.`, 'Start a new search.');
};

const nameOf = ({ name }: { readonly name: string }): string => name;

/** Results on items, by who gave them. */
const resultsOf = ({ unpruned, tested, elsewhere }: FitDocument): ReadonlyMap<string, SweepResult> =>
  new Map([
    ...(unpruned === null ? [] : [['unpruned', unpruned] as const]),
    ...tested.map(({ name, result }) => [name, result] as const),
    ...elsewhere.flatMap(({ task, result, unpruned: beside }) => [
      [`on ${task}`, result] as const,
      [`unpruned on ${task}`, beside] as const,
    ]),
  ]);

/** Everything of a document but results and the plan, which are compared one by one. */
const comparable = ({
  plan: _plan,
  unpruned: _unpruned,
  ...document
}: FitDocument): Readonly<Record<string, unknown>> => ({
  ...document,
  candidates: namedEntries(document.candidates, nameOf),
  surrogates: namedEntries(document.surrogates, nameOf),
  tested: document.tested.map(({ name, verdict }) => ({ name, verdict })),
  elsewhere: document.elsewhere.map(({ name, task, verdict }) => ({ name, task, verdict })),
});

const comparePlan = (
  ledger: FieldLedger,
  file: string,
  name: string,
  [was, is]: readonly [Plan | null | undefined, Plan | null | undefined],
): void => ledger.compare(file, plansAllowance, was, is, { kind: 'plans', name });

/** Numbers that differ by rounding, in words. */
const roundingWords = (rounded: readonly { readonly count: number; readonly largest: number }[]): string =>
  rounded.length === 0
    ? 'to the last digit'
    : `${counted(
        rounded.reduce((sum, { count }) => sum + count, 0),
        'number',
      )} up to rounding`;

/** Findings with the verdict in words. */
export interface FitFindings {
  readonly findings: Findings;
  readonly sentence: string;
}

/**
 * Compares everything that a search stored with what a second search stored: the choice with its plans, every loss,
 * and every result of the test.
 */
export const compareFitFolders = async (
  first: string,
  second: string,
  manifests: FirstManifest,
): Promise<FitFindings> => {
  const [before, after] = [await readFitFiles(first), await readFitFiles(second)];
  const ledger = new FieldLedger();
  ledger.read(FIT_FILE);
  ledger.compare(FIT_FILE, fitAllowance, comparable(before.document), comparable(after.document));
  const [results, resultsAgain] = [resultsOf(before.document), resultsOf(after.document)];
  for (const name of new Set([...results.keys(), ...resultsAgain.keys()]))
    ledger.compare(FIT_FILE, resultsAllowance, results.get(name), resultsAgain.get(name), { kind: 'results', name });
  comparePlan(ledger, FIT_FILE, 'recommended', [before.document.plan, after.document.plan]);
  ledger.read(CHOICE_FILE);
  const choiceOf = ({ plans: _plans, scored, ...choice }: FitChoice): unknown => ({
    ...choice,
    scored: namedEntries(scored, nameOf),
  });
  ledger.compare(CHOICE_FILE, fitAllowance, choiceOf(before.choice), choiceOf(after.choice));
  const named = [before.choice.recommended, ...before.choice.finalists];
  for (let at = 0; at < Math.max(before.choice.plans.length, after.choice.plans.length); at += 1)
    comparePlan(ledger, CHOICE_FILE, named[at] ?? String(at), [before.choice.plans[at], after.choice.plans[at]]);
  ledger.read(TIME_FILE);
  ledger.allowed(TIME_FILE, 'elapsedMs', TIME);
  compareManifests(ledger, manifests.before, manifests.again);
  nameOtherFiles(ledger, await readdir(first));
  const { changed: edited } = await readSealedFiles(first);
  const fields = ledger.found(edited, manifests.before.provenance);
  const { evaluations, otherEvaluations } = after.document;
  const items = evaluations + otherEvaluations + [...resultsAgain.values()].reduce((sum, { n }) => sum + n, 0);
  const findings: Findings = {
    points: resultsAgain.size,
    items,
    changed: [],
    flipped: [],
    thresholds: [],
    missing: [],
    added: [],
    replanned: null,
    unexplained: ledger.unexplained,
    largestScoreDifference: 0,
    fields,
  };
  const changed = changedFieldsWords(fields);
  const [recommended, now] = [before.document.recommended, after.document.recommended ?? 'nothing'];
  const chosen = recommended === now ? 'the same model is recommended' : `${now} is recommended instead`;
  const sentence =
    changed === null
      ? `Every compared field matches: ${now} is recommended again, by ${counted(items, 'answer')}, ` +
        `${roundingWords(fields.rounded)}.`
      : `Not every field matches: ${chosen}, and ${changed}.`;
  return { findings, sentence: `${sentence}${leftWords(fields)}` };
};
