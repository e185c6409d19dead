import { describe, expect, it } from 'vitest';
import type { SweepDocument, SweepResult } from '../../../main/contract/sweep.ts';
import type { CurtailedPoint } from '../../../main/contract/curtailed-point.ts';
import { comparePoints } from '../../../main/evaluation/comparison/points.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { drawChartFigure } from '../../../main/figures/chart-svg.ts';
import { modelChart } from '../../../main/figures/model-charts.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { curtailedCsv } from '../../../main/figures/tables.ts';
import { PLAIN_NAMES } from '../../../main/figures/columns.ts';
import { curtailedTable } from '../../../main/report/report-methods.ts';
import { sampleManifest, sampleSweep } from './sample-run.ts';

/** The sample with its candidates from some factor on curtailed: all of reap at 8, one draw of random at 2. */
const curtailed = (): SweepDocument => {
  const { results, ...rest } = sampleSweep();
  const isCurtailed = (one: { task: string; method: string; seed: number | null; factor: number }): boolean =>
    one.task === 'sums' &&
    ((one.method === 'reap' && one.factor === 8) || (one.method === 'random' && one.seed === 1 && one.factor === 2));
  const points = results
    .filter(isCurtailed)
    .map(({ model, task, method, seed, factor, kept, n, metric }): CurtailedPoint => ({
      model,
      task,
      method,
      seed,
      factor,
      kept,
      n,
      metric,
      evaluated: 11,
      lost: 9,
      gainedAtMost: 3,
      independentAtLeast: n,
      ...(method === 'reap' ? { droppedShare: 0.4375 } : {}),
    }));
  return withThresholds(
    { ...rest, results: results.filter((one) => !isCurtailed(one)), curtailed: points },
    { delta: 0.02 },
  );
};

describe('curtailed candidates', () => {
  const document = curtailed();
  const look = figureTheme('light');
  const figureOf = (drawn: SweepDocument) =>
    modelChart('absolute').make(drawn, 'e16', look) ?? expect.fail('no curves');
  const seriesOf = (method: string, drawn = document) =>
    figureOf(drawn)
      .charts.find(({ key }) => key === 'sums')
      ?.series.find(({ key }) => key === method);
  const factorsOf = (method: string, drawn = document) => seriesOf(method, drawn)?.line.map(([factor]) => factor);

  it('have no value in a figure: a cross on the axis, which the caption explains', () => {
    expect(seriesOf('reap')).toMatchObject({ crosses: [8] });
    expect(factorsOf('reap')).toEqual([1, 2, 4]);
    const { svg } = drawChartFigure(figureOf(document), sampleManifest, look);
    expect(svg.match(/class="curtailed"/g)).toHaveLength(2);
    expect(svg).toContain('Cross on the axis: unsafe');
    const whole = sampleSweep();
    expect(drawChartFigure(figureOf(whole), sampleManifest, look).svg).not.toContain('class="curtailed"');
  });

  it('leave no mean over the draws that were safe alone', () => {
    expect(seriesOf('random')).toMatchObject({ crosses: [2] });
    expect(factorsOf('random')).toEqual([1, 4, 8]);
  });

  it('are not needed beyond one that answered everything, and also leave no mean and no comparison', () => {
    const isLeft = ({ task, method, seed, factor }: SweepResult): boolean =>
      task === 'sums' && method === 'random' && seed === 1 && factor > 2;
    const { results, ...rest } = sampleSweep();
    const notNeeded = results
      .filter(isLeft)
      .map(({ model, task, method, seed, factor, kept }) => ({ model, task, method, seed, factor, kept }));
    const stopped = { ...rest, results: results.filter((one) => !isLeft(one)), notNeeded };
    expect(factorsOf('random', stopped)).toEqual([1, 2]);
    expect(() => comparePoints(stopped, {})).toThrow('methods cannot be compared at a factor');
  });

  it('are listed in the table of figures and in the report, in words without accuracy', () => {
    expect(
      curtailedCsv(document, sampleManifest)
        ?.split('\n')
        .filter((line) => line.startsWith('sweep-sample,e16,')),
    ).toEqual([
      'sweep-sample,e16,sums,random,1,2,8,400,11,acc,9,3,unsafe,,false',
      'sweep-sample,e16,sums,reap,,8,2,400,11,acc,9,3,unsafe,0.4375,false',
    ]);
    expect(curtailedCsv(sampleSweep(), sampleManifest)).toBeNull();
    const [table] = curtailedTable(document, PLAIN_NAMES);
    expect(table?.html).toContain('43.8\u202f%');
    expect(table?.html).toContain('unsafe after 11 of 400 items (at least 9 lost)');
    expect(curtailedTable(sampleSweep(), PLAIN_NAMES)).toEqual([]);
  });

  it('make a comparison of methods at a factor refused', () => {
    expect(() => comparePoints(document, {})).toThrow('methods cannot be compared at a factor');
  });
});
