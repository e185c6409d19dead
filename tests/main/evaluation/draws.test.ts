import { describe, expect, it } from 'vitest';
import type { SizeThreshold } from '../../../main/contract/size-trend.ts';
import { safeDrawsAt, type SweepResult } from '../../../main/contract/sweep.ts';
import { pointsOverDraws, spreadOf, unanimous } from '../../../main/evaluation/draws.ts';
import { thresholdTrendFindings } from '../../../main/evaluation/size-trend/threshold-findings.ts';
import { expertTrends } from '../../../main/evaluation/size-trend/trends.ts';
import { sweepThresholds } from '../../../main/evaluation/threshold.ts';
import { bracketWords, drawsFraction } from '../../../main/words/verdicts.ts';
import { sweepResult } from './outcomes.ts';
import { sizeThreshold } from './sample-threshold.ts';

const draw = (seed: number | null, factor: number, lost: number, method = 'uncurl'): SweepResult =>
  sweepResult({
    method,
    seed,
    factor,
    n: 1000,
    lost,
    value: 1 - lost / 1000,
    difference: -lost / 1000,
    lowOneSided: -lost / 1000 - 0.005,
    highOneSided: -lost / 1000 + 0.005,
  });
const results = [
  draw(1, 2, 10),
  draw(0, 2, 0),
  draw(2, 2, 5),
  draw(0, 4, 5),
  draw(1, 4, 100),
  draw(2, 4, 10),
  draw(null, 2, 0, 'reap'),
];

describe('several draws of a method', () => {
  it('are one point with mean and spread, and keep the interval of each', () => {
    const points = pointsOverDraws({ results }, { delta: 0.02 });
    expect(points.map(({ method, factor, draws, safe, verdict }) => [method, factor, draws, safe, verdict])).toEqual([
      ['uncurl', 2, 3, { count: 3, of: 3 }, 'safe'],
      ['uncurl', 4, 3, { count: 2, of: 3 }, 'undecided'],
      ['reap', 2, 1, { count: 1, of: 1 }, 'safe'],
    ]);
    const [, four] = points;
    expect(four?.value?.mean).toBeCloseTo(1 - 115 / 3000, 12);
    expect([four?.value?.lowest, four?.value?.highest]).toEqual([0.9, 0.995]);
    expect(four?.results.map(({ seed, low, high }) => [seed, low, high])).toEqual(
      [0, 1, 2].map((seed) => {
        const own = results.find((result) => result.seed === seed && result.factor === 4);
        return [seed, own?.low, own?.high];
      }),
    );
  });

  it('have no mean where one of them stopped early', () => {
    const [stopped] = results.filter(({ seed, factor }) => seed === 1 && factor === 4);
    if (stopped === undefined) throw new Error('no such draw');
    const { model, task, method, seed, factor, kept, metric } = stopped;
    const curtailed = [
      {
        model,
        task,
        method,
        seed,
        factor,
        kept,
        metric,
        n: 1000,
        evaluated: 72,
        lost: 60,
        gainedAtMost: 0,
        independentAtLeast: 1000,
        verdict: 'unsafe' as const,
      },
    ];
    const points = pointsOverDraws({ results: results.filter((one) => one !== stopped), curtailed }, { delta: 0.02 });
    expect(points.find((point) => point.method === 'uncurl' && point.factor === 4)).toMatchObject({
      draws: 3,
      value: null,
      difference: null,
      safe: { count: 2, of: 3 },
      verdict: 'undecided',
    });
  });

  it('have a threshold that is safe in every draw, and names that of each', () => {
    const joint = sweepThresholds(results, 0.02).find(({ method, seed }) => method === 'uncurl' && seed === null);
    if (joint === undefined) throw new Error('no threshold over draws');
    expect([joint.lastSafe, joint.firstUnsafe]).toEqual([2, 4]);
    expect(joint.draws?.map(({ seed, lastSafe }) => [seed, lastSafe])).toEqual([
      [0, 4],
      [1, 2],
      [2, 4],
    ]);
    expect([safeDrawsAt(joint, 2), safeDrawsAt(joint, 4)]).toEqual([
      { count: 3, of: 3 },
      { count: 2, of: 3 },
    ]);
    expect(bracketWords(joint)).toContain('×4 is safe in 2 of 3 draws');
    expect(drawsFraction(joint)).toBe('2/3');
    const alone = sweepThresholds(results, 0.02).find(({ method }) => method === 'reap');
    expect([alone?.draws, drawsFraction({ ...joint, draws: undefined })]).toEqual([undefined, '']);
  });

  it('are worse from the factor on from which every draw is, and not where one of them is undecided', () => {
    const worseAt = (lost: readonly number[]) => {
      const eight = lost.map((count, seed) => draw(seed, 8, count));
      return sweepThresholds([...results, ...eight], 0.02).find(
        ({ method, seed }) => method === 'uncurl' && seed === null,
      )?.firstWorse;
    };
    expect([worseAt([300, 300, 300]), worseAt([300, 20, 300])]).toEqual([8, null]);
  });

  it('have only the readings that all of them share', () => {
    expect([unanimous(['safe', 'safe']), unanimous(['safe', 'worse']), unanimous([])]).toEqual(['safe', null, null]);
    expect(spreadOf([1, 2, 6])).toEqual({ mean: 3, lowest: 1, highest: 6 });
    expect(spreadOf([]).mean).toBeNaN();
  });
});

describe('findings over draws', () => {
  const bracket = (experts: number, lasts: readonly number[]): SizeThreshold => {
    const draws = lasts.map((lastSafe, seed) => ({
      seed,
      factor: lastSafe,
      lastSafe,
      firstUnsafe: 2 * lastSafe,
      firstWorse: null,
      verdict: 'found' as const,
    }));
    const least = Math.min(...lasts);
    return sizeThreshold({
      model: `e${experts}`,
      experts,
      method: 'uncurl',
      lastSafe: least,
      factor: least,
      firstUnsafe: 2 * least,
      draws,
    });
  };
  const sizes = [8, 16, 32, 64, 128];
  const findingOf = (lastsOf: (experts: number) => readonly number[]) =>
    thresholdTrendFindings(
      expertTrends(
        sizes.map((experts) => bracket(experts, lastsOf(experts))),
        [bracket(8, [1]).task],
        ['uncurl'],
      ),
      new Map(),
      () => 'first',
    ).find(({ method }) => method === 'uncurl');

  it('a rise that every draw shows is reported, with the rises of single draws', () => {
    const rising = findingOf((experts) => [experts / 4, experts / 4]);
    expect(rising?.verdict).toBe('supported');
    expect(rising?.sentence).toContain('by single draws it rises in 1 and falls in 0 of 1 task.');
  });

  it('a rise of the factors that are safe in every draw is not reported where some draw alone does not rise', () => {
    const open = findingOf((experts) => [experts / 4, 64]);
    expect(open?.verdict).toBe('cannot-tell');
    expect(open?.sentence).toContain('and not every draw says the same');
  });
});
