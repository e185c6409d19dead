import { describe, expect, it } from 'vitest';
import type { SharePoint } from '../../../../main/contract/size-trend.ts';
import { sizeTrendDocument } from '../../../../main/evaluation/size-trend/document.ts';
import { shareFindings, sharePoints, shareTrends } from '../../../../main/evaluation/size-trend/share-trends.ts';
import { withThresholds } from '../../../../main/evaluation/threshold-family.ts';
import { figureTheme } from '../../../../main/figures/colors.ts';
import { drawChartFigure } from '../../../../main/figures/chart-svg.ts';
import { shareFigure, shareLines } from '../../../../main/figures/share-figure.ts';
import { sharePointsCsv } from '../../../../main/figures/size-tables.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';
import { expectInFrame } from '../../figures/expect-in-frame.ts';
import { sampleManifest } from '../../figures/sample-run.ts';
import { sweepResult } from '../outcomes.ts';
import { recordedResults } from '../../sample/recorded.ts';

interface Family {
  readonly sizes?: readonly number[];
  readonly seeds?: readonly (number | null)[];
  /** Loss of a model at a dropped share. */
  readonly loss: (experts: number, share: number, model: number, seed: number | null) => number;
}

/** A factor drops a share that halves as E doubles: 2 drops 32 % at E = 8, 4 % at 64. */
const family = ({ sizes = [8, 16, 32, 64], seeds = [null], loss }: Family): SharePoint[] =>
  sizes.flatMap((experts, model) =>
    ['a', 'b'].flatMap((task) =>
      seeds.flatMap((seed) =>
        [2, 4, 8].map((factor): SharePoint => {
          const share = (0.32 * Math.log2(factor)) / 2 ** Math.log2(experts / 8);
          const difference = -loss(experts, share, model, seed);
          return {
            answers: 'chosen',
            method: 'frequency',
            task,
            model: `m${model}`,
            experts,
            seed,
            factor,
            share,
            difference,
          };
        }),
      ),
    ),
  );

describe('loss at an equal dropped share', () => {
  it('does not change with E where it depends on the share alone, whatever the factors suggest', () => {
    const [trend] = shareTrends(family({ loss: (_, share) => share }));
    expect(trend?.atEqualShare.slope).toBeCloseTo(0, 12);
    // Straight lines leave no scatter: the interval is the slope itself.
    expect([trend?.models, trend?.tasks, trend?.draws]).toEqual([4, 2, 1]);
    expect(trend?.equalFactor?.factor).toBe(2);
    expect(trend?.equalFactor?.sizes.map(({ share }) => share)).toEqual([0.32, 0.16, 0.08, 0.04]);
    // Differences -32, -16, -8, -4: by hand (3 (-4 + 32) + (-8 + 16)) / 10.
    expect(trend?.equalFactor?.slope).toBeCloseTo(0.092, 12);
  });

  it('is the slope over log2 E, with the t interval of a line through the models', () => {
    const offsets = [0, 0.03, -0.01, 0.02];
    const [trend] = shareTrends(
      family({ loss: (experts, share, model) => share * (1 + 0.1 * Math.log2(experts / 8) + (offsets[model] ?? 0)) }),
    );
    // Models differ by a multiple of the mean share s of the grid: values -s (1 + 0.1 i + offset).
    const values = offsets.map((offset, model) => -(1 + 0.1 * model + offset));
    const slope = (3 * ((values[3] ?? 0) - (values[0] ?? 0)) + (values[2] ?? 0) - (values[1] ?? 0)) / 10;
    const level = values.reduce((sum, value) => sum + value, 0) / 4;
    const squares = values.reduce((sum, value, at) => sum + (value - level - slope * (at - 1.5)) ** 2, 0);
    const reach = 4.302652729749462 * Math.sqrt(squares / 2 / 5);
    const { slope: found = 0, low = 0, high = 0 } = trend?.atEqualShare ?? {};
    expect((high - low) / 2 / Math.abs(found)).toBeCloseTo(reach / Math.abs(slope), 9);
    expect(found).toBeLessThan(0);
  });

  it('covers a slope of 0 in 95 of 100 families whose models scatter', () => {
    const random = seededRandom(3);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
    let covered = 0;
    const rounds = 1000;
    for (let round = 0; round < rounds; round += 1) {
      const offsets = [0, 0, 0, 0].map(() => 0.1 * normal());
      const [trend] = shareTrends(family({ loss: (_, share, model) => share * (1 + (offsets[model] ?? 0)) }));
      if (trend?.side === 0) covered += 1;
    }
    expect(covered / rounds).toBeGreaterThan(0.93);
    expect(covered / rounds).toBeLessThan(0.97);
  });

  it('takes the side of every draw, or none', () => {
    const steep = (experts: number, share: number): number => share * (1 + Math.log2(experts / 8));
    const agreeing = shareTrends(family({ seeds: [0, 1], loss: (experts, share) => steep(experts, share) }));
    expect(agreeing.map(({ side, draws }) => [side, draws])).toEqual([[-1, 2]]);
    const mixed = shareTrends(
      family({ seeds: [0, 1], loss: (experts, share, _, seed) => (seed === 0 ? steep(experts, share) : share) }),
    );
    expect(mixed.map(({ side }) => side)).toEqual([0]);
    expect(mixed[0]?.drawSlopes.highest).toBeCloseTo(0, 12);
  });

  it('reports a trend beyond the models only where relabelling so many could show one', () => {
    const loss = (experts: number, share: number): number => share * (1 + Math.log2(experts / 8));
    const [few] = shareFindings(shareTrends(family({ loss }))).filter(({ method }) => method !== null);
    expect(few?.verdict).toBe('cannot-tell');
    expect(few?.sentence).toContain('in these models a larger E loses more; so few trainings cannot tell that from');
    const [many] = shareFindings(shareTrends(family({ sizes: [8, 16, 32, 64, 128], loss }))).filter(
      ({ method }) => method !== null,
    );
    expect(many?.verdict).toBe('opposed');
    expect(shareTrends(family({ sizes: [8, 16], loss }))).toEqual([]);
  });

  it('supports the claim where a larger E loses less, and says nothing where its draws disagree', () => {
    const sizes = [8, 16, 32, 64, 128];
    const gentle = (experts: number, share: number): number => share * (2 - 0.2 * Math.log2(experts / 8));
    const findingOf = (loss: Parameters<typeof family>[0]['loss'], seeds?: readonly number[]) =>
      shareFindings(shareTrends(family({ sizes, loss, ...(seeds === undefined ? {} : { seeds }) }))).find(
        ({ method }) => method !== null,
      );
    const less = findingOf(gentle);
    expect(less?.verdict).toBe('supported');
    expect(less?.sentence).toContain('a larger E loses less.');
    const either = findingOf((experts, share, _, seed) => (seed === 0 ? gentle(experts, share) : share), [0, 1]);
    expect(either?.verdict).toBe('cannot-tell');
    expect(either?.sentence).toContain('whether a larger E loses less or more cannot be determined');
  });

  it('is read from the sample: factor 2 drops 27, 15, 5 and 0.3 %; by no method a larger E loses less', async () => {
    const document = withThresholds(await recordedResults('sample'), { delta: 0.02 });
    const none = { pairs: [], missing: 0, incomparable: 0 };
    const sizeTrend = sizeTrendDocument(document, { delta: 0.02 }, none);
    const trend = sizeTrend.shareTrends.find(({ method, answers }) => method === 'frequency' && answers === 'chosen');
    expect(trend?.equalFactor?.sizes.map(({ share }) => Number((100 * share).toPrecision(2)))).toEqual([
      27, 15, 4.8, 0.35,
    ]);
    expect(trend?.equalFactor?.low).toBeGreaterThan(0.03);
    expect(trend?.atEqualShare.slope).toBeLessThan(0);
    const verdicts = sizeTrend.findings
      .filter(({ chart }) => chart === 'loss-over-share')
      .map(({ verdict }) => verdict);
    expect(new Set(verdicts)).toEqual(new Set(['cannot-tell']));
    const look = figureTheme('light');
    expectInFrame(drawChartFigure(shareFigure(sizeTrend, sizeTrend.tasks, look), sampleManifest, look).svg);
    expect(sharePointsCsv(sizeTrend, sampleManifest).split('\n')).toHaveLength(sizeTrend.sharePoints.length + 2);
    const curtailed = { ...document, curtailed: [], notNeeded: document.results.slice(1, 2) };
    expect(sizeTrendDocument(curtailed, { delta: 0.02 }, none).shareTrends).toEqual([]);
    const bare = { ...document, results: document.results.map(({ droppedShare: _, ...result }) => result) };
    expect(sizeTrendDocument(bare, { delta: 0.02 }, none).sharePoints).toEqual([]);
  });
});

it('points are those of pruned models of a known size, with a dropped share, by accuracy', () => {
  const point = sweepResult({ droppedShare: 0.1, difference: -0.02 });
  const others = [
    sweepResult({}),
    { ...point, model: 'of no size' },
    { ...point, method: 'unpruned', factor: 1, droppedShare: 0 },
    { ...point, metric: 'perplexity' as const },
  ];
  expect(sharePoints([point, ...others], [{ name: 'model', experts: 16 }])).toEqual([
    {
      answers: 'chosen',
      method: 'reap',
      task: 'task',
      model: 'model',
      experts: 16,
      seed: null,
      factor: 2,
      share: 0.1,
      difference: -0.02,
    },
  ]);
});

it('lines begin where nothing is dropped, and a factor that a task lacks is not drawn', () => {
  const points = family({ loss: (_, share) => share }).filter(({ task, factor }) => task === 'a' || factor < 8);
  const lines = shareLines(points);
  expect(lines.map(({ experts }) => experts)).toEqual([8, 16, 32, 64]);
  for (const line of lines) expect(line.points.map(({ factor }) => factor)).toEqual([1, 2, 4]);
});
