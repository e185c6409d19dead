import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CompareDocument, CompareRow } from '../../../../main/contract/compare.ts';
import { methodInProse } from '../../../../main/words/methods.ts';
import { mcnemarExact } from '../../../../main/statistics/p-values.ts';
import { pairedInterval } from '../../../../main/statistics/exact-paired-test.ts';
import { sweepResult } from '../outcomes.ts';
import { comparedSample, type SampleCurve, sampleMethods } from './compare-sample.ts';

const tasks = [
  { task: 'sums', metric: 'acc' },
  { task: 'words', metric: 'acc_norm' },
  { task: 'prose', metric: 'perplexity', items: 12 },
] as const;
const curves: readonly SampleCurve[] = [
  { method: 'frequency', skill: 0.7 },
  { method: 'reap', skill: 0.75 },
  { method: 'uncurl', skill: 0.4 },
  { method: 'random', seed: 0, skill: 0.3 },
  { method: 'random', seed: 1, skill: 0.6 },
  { method: 'reap+recovery', skill: 0.95 },
];
const sample = sampleMethods(curves, tasks);

const rowOf = (document: CompareDocument, task: string, method: string): CompareRow => {
  const row = document.tasks.find((one) => one.task === task)?.rows.find((one) => one.method === method);
  if (row === undefined) throw new Error(`no ${method} on ${task}`);
  return row;
};
const names = ['frequency', 'reap', 'uncurl', 'random', 'reap+recovery'];

describe('methods against each other', () => {
  it('against the unpruned model: the differences, intervals and p of the sweep itself', () => {
    const document = comparedSample(sample, 'unpruned');
    for (const result of sample.document.results) {
      if (result.factor === 1 || result.seed !== null) continue;
      const { paired } = rowOf(document, result.task, result.method);
      const { difference, low, high, p, lost, gained } = result;
      expect(paired).toMatchObject({ difference, interval: { low, high }, p, lost, gained });
      expect(paired?.pairs).toEqual([{ seed: null, otherSeed: null, difference, low, high, p, lost, gained }]);
      expect([paired?.lowest, paired?.highest]).toEqual([difference, difference]);
    }
    expect(document.tasks.map(({ reference }) => reference)).toEqual(['unpruned', 'unpruned', 'unpruned']);
  });

  it(
    'of a method with draws: mean and range of value and difference, an interval for each and none for all, p of the ' +
      'least sure',
    () => {
      const row = rowOf(comparedSample(sample, 'unpruned'), 'sums', 'random');
      const draws = sample.document.results.filter(({ task, method }) => task === 'sums' && method === 'random');
      const mean = (of: (result: (typeof draws)[number]) => number): number =>
        draws.reduce((sum, draw) => sum + of(draw), 0) / 2;
      expect([row.seeds, row.value, row.lowest, row.highest]).toEqual([
        [0, 1],
        mean(({ value }) => value),
        Math.min(...draws.map(({ value }) => value)),
        Math.max(...draws.map(({ value }) => value)),
      ]);
      expect(row.paired).toMatchObject({
        difference: mean(({ difference }) => difference),
        lowest: Math.min(...draws.map(({ difference }) => difference)),
        highest: Math.max(...draws.map(({ difference }) => difference)),
        interval: null,
        p: Math.max(...draws.map(({ p }) => p ?? Number.NaN)),
        pairs: draws.map(({ seed, difference, low, high, p, lost, gained }) => ({
          seed,
          otherSeed: null,
          difference,
          low,
          high,
          p,
          lost,
          gained,
        })),
      });
    },
  );

  it('draws on both sides of the reference give no joint reading, however significant each is', () => {
    const split = comparedSample(
      sampleMethods(
        [
          { method: 'random', seed: 0, skill: 0.05 },
          { method: 'random', seed: 1, skill: 0.95 },
          { method: 'reap', skill: 0.5 },
        ],
        [{ task: 'sums', metric: 'acc' }],
      ),
      'reap',
    );
    expect(rowOf(split, 'sums', 'random')).toMatchObject({
      reading: 'draws-differ',
      paired: { p: 1, better: 1, worse: 1, cannotTell: 0 },
    });
    expect(split.overview.find(({ method }) => method === 'random')).toMatchObject({ drawsDiffer: 1, cannotTell: 0 });
  });

  it('one lucky draw makes no method best: it shares the first rank only where no draw is worse', () => {
    const lucky = comparedSample(
      sampleMethods(
        [
          { method: 'random', seed: 0, skill: 0.05 },
          { method: 'random', seed: 1, skill: 0.05 },
          { method: 'random', seed: 2, skill: 0.9 },
          { method: 'reap', skill: 0.9 },
        ],
        [{ task: 'sums', metric: 'acc' }],
      ),
    );
    const row = rowOf(lucky, 'sums', 'random');
    expect(row.paired?.pairs.map(({ low, high }) => [low < 0, high < 0])).toContainEqual([true, false]);
    expect([row.sharesBest, row.reading, row.paired?.worse]).toEqual([false, 'draws-differ', 2]);
    expect(lucky.overview.find(({ method }) => method === 'random')?.sharesBest).toBe(0);
    expect(lucky.findings[0]).toContain('best or not distinguishable from the best in every draw');
  });

  it('is antisymmetric: a against b is minus b against a', () => {
    const against = Object.fromEntries(names.map((name) => [name, comparedSample(sample, name)]));
    const documentOf = (name: string): CompareDocument => against[name] ?? comparedSample(sample, name);
    for (const task of tasks.map((one) => one.task)) {
      for (const [one, other] of names.flatMap((left) =>
        names.filter((right) => right !== left).map((right) => [left, right] as const),
      )) {
        const there = rowOf(documentOf(other), task, one);
        const back = rowOf(documentOf(one), task, other);
        expect(there.paired?.difference).toBeCloseTo(-(back.paired?.difference ?? Number.NaN), 12);
        expect(there.paired?.lowest).toBeCloseTo(-(back.paired?.highest ?? Number.NaN), 9);
        expect(there.paired?.interval?.low ?? 0).toBeCloseTo(-(back.paired?.interval?.high ?? 0), 9);
        expect([there.paired?.p, there.paired?.lost, there.paired?.gained]).toEqual([
          back.paired?.p,
          back.paired?.gained,
          back.paired?.lost,
        ]);
        expect(there.reading).toBe(
          back.reading === 'better' ? 'worse' : back.reading === 'worse' ? 'better' : back.reading,
        );
      }
    }
  });

  it('does not depend on the order in which methods are measured', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...curves], { minLength: curves.length }), (order) => {
        const results = [
          ...sample.document.results.filter(({ factor }) => factor === 1),
          ...order.flatMap(({ method, seed = null }) =>
            sample.document.results.filter((one) => one.method === method && one.seed === seed),
          ),
        ];
        const shuffled = comparedSample({ ...sample, document: { ...sample.document, results } });
        const plain = comparedSample(sample);
        for (const { task, rows } of plain.tasks) {
          for (const row of rows) {
            const other = rowOf(shuffled, task, row.method);
            expect({ ...other, seeds: [...other.seeds].sort() }).toEqual({
              ...row,
              seeds: [...row.seeds].sort(),
              value: other.value,
              paired: other.paired,
            });
            expect(other.value).toBeCloseTo(row.value, 12);
            expect(other.paired?.difference ?? 0).toBeCloseTo(row.paired?.difference ?? 0, 12);
            expect(other.paired?.lowest).toBe(row.paired?.lowest);
            expect(other.paired?.interval).toEqual(row.paired?.interval);
          }
        }
        const ranks = (document: CompareDocument) =>
          Object.fromEntries(document.overview.map(({ method, meanRank }) => [method, meanRank]));
        expect(ranks(shuffled)).toEqual(ranks(plain));
      }),
      { numRuns: 6 },
    );
  });

  it('ranks by value, lower first for perplexity; the best of each task is the reference', () => {
    const document = comparedSample(sample);
    for (const { metric, rows, reference } of document.tasks) {
      const values = rows.map(({ value }) => value);
      expect(values).toEqual(
        [...values].sort((left, right) => (metric === 'perplexity' ? left - right : right - left)),
      );
      expect(rows[0]).toMatchObject({ method: reference, paired: null, reading: null, sharesBest: true });
      for (const row of rows.slice(1)) expect(row.sharesBest).toBe(row.paired?.worse === 0);
    }
    expect(document.tasks.find(({ metric }) => metric === 'perplexity')?.rows[0]?.method).not.toBe('reap+recovery');
  });

  it('shares ranks of equal values, and calls methods best together that items cannot distinguish', () => {
    const same = sampleMethods(
      [
        { method: 'reap', skill: 1 },
        { method: 'uncurl', skill: 1 },
        { method: 'random', seed: 0, skill: 0 },
      ],
      [{ task: 'sums', metric: 'acc' }],
    );
    const [task] = comparedSample(same).tasks;
    expect(task?.rows.map(({ method, rank, sharesBest }) => [method, rank, sharesBest])).toEqual([
      ['reap', 1.5, true],
      ['uncurl', 1.5, true],
      ['random', 3, false],
    ]);
    expect(task?.rows[1]?.paired).toMatchObject({
      difference: 0,
      interval: pairedInterval({ gained: 0, lost: 0, n: 60 }),
      p: mcnemarExact(0, 0),
      lost: 0,
      gained: 0,
      cannotTell: 1,
    });
  });

  it('has mean ranks that add up, within their intervals, over the tasks on which every method is measured', () => {
    const { overview } = comparedSample(sample);
    expect(overview.reduce((sum, { meanRank }) => sum + (meanRank?.value ?? Number.NaN), 0)).toBeCloseTo(
      (5 * 6) / 2,
      10,
    );
    for (const { meanRank } of overview) {
      expect(meanRank?.tasks).toBe(3);
      expect(meanRank?.low).toBeLessThanOrEqual(meanRank?.value ?? Number.NaN);
      expect(meanRank?.high).toBeGreaterThanOrEqual(meanRank?.value ?? Number.NaN);
    }
    const results = sample.document.results.filter(({ task, method }) => task !== 'prose' || method !== 'uncurl');
    const partly = comparedSample({ ...sample, document: { ...sample.document, results } });
    expect(partly.overview.map(({ meanRank }) => meanRank?.tasks)).toEqual([2, 2, 2, 2, 2]);
    expect(partly.notes.join()).toContain('Not measured near this factor: UNCURL on 1 task.');
  });

  it('says once per count which methods are best, or not distinguishable from the best', () => {
    const { overview, findings } = comparedSample(sample);
    for (const { method, sharesBest, tasks: measured } of overview) {
      const share = sharesBest === 0 ? 'on none' : `on ${sharesBest} of ${measured} tasks`;
      expect(findings[0]?.split(share)).toHaveLength(2);
      expect(findings[0]?.split(share)[1]?.split(';')[0]).toContain(methodInProse(method));
    }
  });

  it('pairs recovery with the same plan without it', () => {
    const { recoveries, findings } = comparedSample(sample);
    const [recovery] = recoveries;
    expect([recoveries.length, recovery?.method, recovery?.tasks.length]).toEqual([1, 'reap', 3]);
    const against = comparedSample(sample, 'reap');
    for (const one of recovery?.tasks ?? []) {
      const { paired, value, reading } = rowOf(against, one.task, 'reap+recovery');
      expect(one).toMatchObject({ paired, recovered: value, reading, bare: rowOf(against, one.task, 'reap').value });
    }
    expect(recovery).toMatchObject({ better: 2, nothing: 0, worse: 1 });
    expect(findings.join()).toContain(
      'Recovery against the same plan without it: REAP better on 2 of 3 tasks and worse on 1.',
    );
  });

  it('counts its comparisons, and how many remain significant after Holm', () => {
    const { comparisons, tasks: compared, findings } = comparedSample(sample, 'reap');
    const rows = compared.flatMap((task) => task.rows);
    const isApart = (reading: string | null): boolean => reading === 'worse' || reading === 'better';
    expect(comparisons).toEqual({
      count: 12,
      apart: rows.filter(({ reading }) => isApart(reading)).length,
      withP: 8,
      afterHolm: rows.filter(({ reading, pHolm }) => isApart(reading) && (pHolm ?? 1) <= 0.05).length,
    });
    for (const { paired, pHolm } of rows)
      if (pHolm !== null) expect(pHolm).toBeGreaterThanOrEqual(paired?.p ?? Number.NaN);
    expect(findings.join()).toContain(
      `12 comparisons with REAP: in ${comparisons.apart} the paired 95 % interval excludes 0`,
    );
    expect(findings.join()).toContain('if no method differed, about 0.6 would exclude 0 by chance.');
    expect(findings.join()).toContain('After Holm\u2019s correction over the 8 comparisons that have a p-value');
  });

  it('explains draws where a method has several, and names ran-out texts of the compared tasks alone', () => {
    expect(comparedSample(sample, 'reap').notes).toEqual([expect.stringMatching(/^random: several draws \(seeds\)/)]);
    const once = sampleMethods(
      curves.filter(({ seed }) => seed !== 1),
      tasks,
    );
    expect(comparedSample(once, 'reap').notes).toEqual([]);
    const paired = { difference: 0, low: 0, high: 0, lowOneSided: 0, highOneSided: 0, p: null, lost: 0, gained: 0 };
    const unpruned = { model: 'm', method: 'unpruned', factor: 1, kept: 16 };
    const written = sweepResult({
      ...unpruned,
      task: 'sums-written',
      metric: 'exact_match',
      endings: { ended: 0.5, looped: 0, ...paired },
    });
    const results = [...once.document.results, written];
    expect(comparedSample({ ...once, document: { ...once.document, results } }, 'reap').notes).toEqual([]);
  });

  it('compares by the nearest factor within a quarter, and says so', () => {
    const off = sampleMethods(
      [
        { method: 'reap', skill: 0.7, factor: 4 },
        { method: 'tsep', skill: 0.6, factor: 3.5 },
        { method: 'random', seed: 0, skill: 0.6, factor: 2 },
      ],
      [{ task: 'sums', metric: 'acc' }],
    );
    const document = comparedSample(off, 'best', 4);
    expect(document.tasks[0]?.rows.map(({ method, factor }) => [method, factor])).toEqual([
      ['reap', 4],
      ['tsep', 3.5],
    ]);
    expect(document.notes.join()).toContain(
      'nearest measured factor, within a quarter (\u00d71.25) of 4, as these have no point at it: TSEP (3.5)',
    );
    expect(document.notes.join()).toContain('Not measured near this factor: random on 1 task');
    expect(() => comparedSample(off, 'best', 40)).toThrow(/nothing near factor 40/);
  });

  it('leaves out and counts outcomes that are gone, and refuses what the sweep does not hold', () => {
    const gone = comparedSample({
      ...sample,
      outcomesOf: (result) => (result.method === 'uncurl' && result.task === 'sums' ? null : sample.outcomesOf(result)),
    });
    expect(gone.tasks[0]?.rows.map(({ method }) => method)).not.toContain('uncurl');
    expect(gone.notes.join()).toContain('1 point left out: the outcomes are no longer stored.');
    expect(() => comparedSample(sample, 'ean')).toThrow(/no method ean/);
    const empty = { ...sample.document, results: sample.document.results.filter(({ factor }) => factor === 1) };
    expect(() => comparedSample({ ...sample, document: empty })).toThrow(/no pruned model yet/);
  });
});
