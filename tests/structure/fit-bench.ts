import path from 'node:path';
import { z } from 'zod';
import { listed } from '../../main/words/numbers.ts';
import { points, table } from './markdown.ts';
import { jsonLines, root } from './project-files.ts';

/** Searches of `uncurl fit` against the best point of a sweep, as tests/bench/fit.ts measured them (see its header). */

const share = z.number().min(-1).max(1);
export const measuredSearch = z.strictObject({
  model: z.string(),
  task: z.string(),
  /** Budget as a part of the unpruned model's bytes. */
  part: z.number().positive(),
  seed: z.number().int().nonnegative(),
  /** Names of what the search recommends, and of the best point of the sweep. */
  fit: z.string(),
  sweep: z.string(),
  /** On half B: each minus the unpruned model. */
  fitDifference: share,
  sweepDifference: share,
  /** The recommended model on half B; null: no verdict. */
  verdict: z.string().nullable(),
  /** The recommended model minus the unpruned one on all test items. */
  onAll: share,
  answers: z.number().int().positive(),
  sweepAnswers: z.number().int().positive(),
});
export type MeasuredSearch = z.infer<typeof measuredSearch>;

/** The margin of the verdicts. */
const MARGIN = 0.02;
/** Far below the share of one item, which is rounded. */
const ROUNDING = 1e-9;

const meanOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

interface Mean {
  readonly mean: number;
  /** Standard error; NaN of one value. */
  readonly error: number;
}
const meanWithError = (values: readonly number[]): Mean => {
  const mean = meanOf(values);
  const squares = values.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return { mean, error: Math.sqrt(squares / (values.length - 1) / values.length) };
};

const inPoints = ({ mean, error }: Mean): string =>
  Number.isNaN(error) ? points(mean) : `${points(mean)} ± ${points(error)}`;

/** Whether the search lost to the sweep by more than twice the standard error over seeds. */
const isLost = ({ mean, error }: Mean): boolean => mean + 2 * error < -ROUNDING;

const differenceOf = ({ fitDifference, sweepDifference }: MeasuredSearch): number => fitDifference - sweepDifference;
const isSafe = ({ verdict }: MeasuredSearch): boolean => verdict === 'safe';
const isFalse = (search: MeasuredSearch): boolean => isSafe(search) && search.onAll < -MARGIN - ROUNDING;
const answersOf = (searches: readonly MeasuredSearch[]): number =>
  meanOf(searches.map(({ answers }) => answers)) / meanOf(searches.map(({ sweepAnswers }) => sweepAnswers));

const groups = (
  searches: readonly MeasuredSearch[],
  keyOf: (search: MeasuredSearch) => string,
): ReadonlyMap<string, readonly MeasuredSearch[]> => Map.groupBy(searches, keyOf);

/** "at most 1.0 %": what none of `count` independent trials bounds with 95 % confidence. */
const atMost = (count: number): string => `${(100 * (1 - 0.05 ** (1 / count))).toFixed(1)} %`;

/** A row for each model and task, and what all of them say. */
export const fitBench = (searches: readonly MeasuredSearch[]): readonly string[] => {
  const parts = [...new Set(searches.map(({ part }) => part))].sort((one, other) => other - one);
  const rows = [...groups(searches, ({ model, task }) => `${model} ${task}`).values()].map((own) => {
    const [{ model, task } = { model: '', task: '' }] = own;
    const cells = parts.map((part) => {
      const found = meanWithError(own.filter((one) => one.part === part).map(differenceOf));
      return isLost(found) ? `**${inPoints(found)}**` : inPoints(found);
    });
    const seeds = new Set(own.map(({ seed }) => seed)).size;
    const safe = own.filter(isSafe).length;
    const wrong = own.filter(isFalse).length;
    return [model, task, String(seeds), ...cells, `${String(safe)}, ${String(wrong)}`, answersOf(own).toFixed(2)];
  });
  const cases = [...groups(searches, ({ model, task, part }) => `${model} on ${task} at ${String(part)}`)].map(
    ([name, own]) => ({ name, own, found: meanWithError(own.map(differenceOf)) }),
  );
  const all = meanWithError(cases.map(({ found }) => found.mean));
  const lost = cases.filter(({ found }) => isLost(found));
  const safe = searches.filter(isSafe).length;
  const safeCases = cases.filter(({ own }) => own.some(isSafe)).length;
  const wrong = searches.filter(isFalse).length;
  const mostAnswers = cases.reduce((most, { own }) => Math.max(most, answersOf(own)), 0);
  return [
    ...table(
      ['model', 'task', 'seeds', ...parts.map((part) => `at ${String(part)}`), 'safe, of which false', 'answers'],
      rows,
    ),
    '',
    `**In ${String(searches.length)} searches of ${String(cases.length)} cases, the search minus the sweep is ` +
      `${inPoints(all)} points, from ${answersOf(searches).toFixed(2)} of the sweep's answers** (mean of the cases ` +
      `with its standard error; at most ${mostAnswers.toFixed(2)} of the answers in any case).`,
    '',
    lost.length === 0
      ? 'No case is lost by more than twice its error.'
      : `${String(lost.length)} cases are lost by more than twice their error: ` +
        `${listed(lost.map(({ name, found }) => `${name} (${inPoints(found)})`))}.`,
    '',
    wrong === 0
      ? `"Safe" was said ${String(safe)} times and was never false. Were searches independent, at most ` +
        `${atMost(safe)} of such words would be false (95 % confidence); those of a case share its test items, and ` +
        `counted once for each of the ${String(safeCases)} cases the limit is ${atMost(safeCases)}.`
      : `"Safe" was said ${String(safe)} times, and was false ${String(wrong)} times ` +
        `(${((100 * wrong) / safe).toFixed(1)} %).`,
  ];
};

/** The table of best-fit.md. */
export const recordedFitBench = (): readonly string[] =>
  fitBench(jsonLines(path.join(root, 'tests', 'bench', 'fit.jsonl'), measuredSearch));
