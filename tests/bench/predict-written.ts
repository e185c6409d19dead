/**
 * Whether KL or the answer loss of a point with chosen answers tells the verdict of its twin with written answers.
 *
 * Method: `run` is the folder of a finished sweep with `--fidelity` on choice tasks; written verdicts are those of the
 * bundled sample, for the same model, method, draw and factor (the plans are the same). Printed: Spearman's rank
 * correlation of each measure with the loss of written accuracy over the factors of one model, task and method (median
 * over them), and, of the points that are safe by choice, the area under the ROC curve and how many of those below a
 * cut are not safe when written. Usage: node tests/bench/predict-written.ts RUN
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pointNameKey, sweepDocument, type SweepResult } from '../../main/contract/sweep.ts';
import { TWIN_SUFFIX } from '../../main/evaluation/choice-and-writing.ts';
import { sampleFolder } from '../../main/sample/sample-run.ts';

const [run = ''] = process.argv.slice(2);
const resources = path.resolve(import.meta.dirname, '../../resources');
const resultsOf = (folder: string): readonly SweepResult[] =>
  sweepDocument.parse(JSON.parse(readFileSync(path.join(folder, 'results.json'), 'utf8'))).results;

const written = new Map(resultsOf(sampleFolder(resources)).map((result) => [pointNameKey(result), result]));
const points = resultsOf(run).flatMap((one) => {
  const twin = written.get(pointNameKey({ ...one, task: `${one.task}${TWIN_SUFFIX}` }));
  const { answerLoss, fidelity } = one;
  if (one.factor === 1 || twin === undefined || answerLoss === undefined || fidelity === undefined) return [];
  return [{ one, twin, measures: { kl: fidelity.kl.mean, loss: answerLoss.mean, drop: -one.difference } }];
});
const measures = ['kl', 'loss', 'drop'] as const;

/** Ranks from 1; equal values share their mean rank. */
const ranks = (values: readonly number[]): readonly number[] =>
  values.map((value) => {
    const below = values.filter((other) => other < value).length;
    return below + (values.filter((other) => other === value).length + 1) / 2;
  });
const spearman = (first: readonly number[], second: readonly number[]): number | null => {
  const [a, b] = [ranks(first), ranks(second)];
  const middle = (a.length + 1) / 2;
  const product = (one: readonly number[], other: readonly number[]): number =>
    one.reduce((sum, rank, index) => sum + (rank - middle) * ((other[index] ?? NaN) - middle), 0);
  const scale = Math.sqrt(product(a, a) * product(b, b));
  return scale === 0 ? null : product(a, b) / scale;
};
const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
};

const curves = [
  ...Map.groupBy(points, ({ one }) => JSON.stringify([one.model, one.task, one.method, one.seed])).values(),
];
for (const measure of measures) {
  const found = curves.flatMap(
    (own) =>
      spearman(
        own.map((point) => point.measures[measure]),
        own.map(({ twin }) => -twin.difference),
      ) ?? [],
  );
  console.log(`${measure}: median rank correlation over ${String(found.length)} curves ${median(found).toFixed(3)}`);
}
const safe = points.filter(({ one }) => one.verdict === 'safe');
const [unsafe, others] = [true, false].map((is) => safe.filter(({ twin }) => (twin.verdict !== 'safe') === is));
if (unsafe === undefined || others === undefined) throw new Error('two lists');
console.log(`${String(safe.length)} points safe by choice, ${String(unsafe.length)} of them not safe when written`);
for (const measure of measures) {
  const wins = unsafe.flatMap((a) =>
    others.map((b) => {
      const gap = a.measures[measure] - b.measures[measure];
      return gap > 0 ? 1 : gap === 0 ? 0.5 : 0;
    }),
  );
  console.log(`${measure}: area ${(wins.reduce<number>((sum, win) => sum + win, 0) / wins.length).toFixed(3)}`);
  for (const cut of [0.001, 0.01, 0.03, 0.1]) {
    const below = safe.filter((point) => point.measures[measure] < cut);
    const wrong = below.filter(({ twin }) => twin.verdict !== 'safe').length;
    console.log(`  below ${String(cut)}: ${String(wrong)} of ${String(below.length)} not safe when written`);
  }
}
