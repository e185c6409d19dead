import { expect, test } from 'vitest';
import { type SweepResult } from '../../../main/contract/sweep.ts';
import { choiceWarning, choiceWarnings, doubtfulChoices, TELLING_LOSS } from '../../../main/evaluation/fidelity.ts';
import { TWIN_SUFFIX } from '../../../main/evaluation/choice-and-writing.ts';
import { recordedResults } from './recorded.ts';

/** Chance that a number of the first list is larger than one of the second; equal ones count half. */
const areaUnderCurve = (larger: readonly number[], smaller: readonly number[]): number => {
  const wins = larger.flatMap((one) => smaller.map((other) => (one > other ? 1 : one === other ? 0.5 : 0)));
  return wins.reduce<number>((sum, win) => sum + win, 0) / wins.length;
};

/** The figures of resources/docs/verdicts.md. */
test('the answer loss tells which factors that are safe by choice are unsafe when written', async () => {
  const { results } = await recordedResults('sample');
  const twinOf = (one: SweepResult): SweepResult | undefined =>
    results.find(
      ({ model, task, method, seed, factor }) =>
        task === `${one.task}${TWIN_SUFFIX}` &&
        model === one.model &&
        method === one.method &&
        seed === one.seed &&
        factor === one.factor,
    );
  const safe = results.filter(({ factor, verdict, answerLoss }) => factor > 1 && verdict === 'safe' && answerLoss);
  const points = safe.flatMap((one) => {
    const twin = twinOf(one);
    const loss = one.answerLoss?.mean ?? 0;
    return twin === undefined ? [] : [{ loss, drop: -one.difference, isUnsafe: twin.verdict !== 'safe' }];
  });
  const [unsafe, others] = [points.filter((one) => one.isUnsafe), points.filter((one) => !one.isUnsafe)];
  expect([points.length, unsafe.length]).toEqual([140, 108]);
  const area = (of: (point: (typeof points)[number]) => number): number =>
    areaUnderCurve(unsafe.map(of), others.map(of));
  expect(area(({ loss }) => loss)).toBeCloseTo(0.993, 3);
  expect(area(({ drop }) => drop)).toBeCloseTo(0.58, 2);
  // The rates of the warning in the window and the report.
  const rates = (of: typeof points) => ({ unsafe: of.filter((one) => one.isUnsafe).length, of: of.length });
  expect(rates(points.filter(({ loss }) => loss >= TELLING_LOSS.nats))).toEqual(TELLING_LOSS.above);
  expect(rates(points.filter(({ loss }) => loss < TELLING_LOSS.nats))).toEqual(TELLING_LOSS.below);
  expect(TELLING_LOSS.above).toEqual({ unsafe: 100, of: 101 });
  // Every task of the sample was measured written; without those measurements, the points are named.
  expect(choiceWarnings(results)).toBeNull();
  const chosen = results.filter(({ task }) => !task.endsWith(TWIN_SUFFIX));
  const doubtful = doubtfulChoices(chosen);
  expect(doubtful).toHaveLength(101);
  expect(choiceWarnings(chosen)).toContain('100 were unsafe when written; of 39 that lost less, 8.');
  // A point of a random choice is named with its draw; others have none.
  expect(choiceWarnings([{ ...doubtful[0]!, seed: 3 }])).toContain(' (seed 3) at ×');
  expect(choiceWarnings([{ ...doubtful[0]!, seed: null }])).not.toContain('seed');
  expect(choiceWarning(doubtful[0]!, chosen)).toMatch(/^Safe by choice, but the right answer lost \d+\.\d\d nats/);
  expect(
    choiceWarning(
      chosen.find(({ factor }) => factor === 1)!,
      chosen,
    ),
  ).toBeNull();
});
