import { expect, it } from 'vitest';
import { experimentDocument } from '../../../main/evaluation/experiment/document.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { drawChartFigure } from '../../../main/figures/chart-svg.ts';
import { experimentFigure } from '../../../main/figures/experiment-figure.ts';
import { experimentFiles } from '../../../main/figures/experiment-tables.ts';
import { answers, arm, record } from '../evaluation/experiment/made-up.ts';
import { expectInFrame } from './expect-in-frame.ts';
import { sampleManifest } from './sample-run.ts';
import { findAll, parseXml } from './xml-outline.ts';

const both = (['as-is', 'tuned'] as const).flatMap((treatment, index) => [
  arm(8, 8, answers(20), { treatment }),
  arm(32, 32, answers(10), { treatment }),
  arm(32, 8, answers(30 + index), { treatment }),
  arm(64, 64, answers(0), { treatment }),
  arm(64, 32, answers(0), { treatment }),
  arm(64, 8, answers(200), { treatment }),
]);
const document = experimentDocument(record(both));

it('draws a row for every pair of sizes, a mark for every method and treatment, and keeps to its canvas', () => {
  for (const answer of document.answers) {
    const look = figureTheme('light');
    const { svg } = drawChartFigure(experimentFigure(document, answer, look), sampleManifest, look);
    expectInFrame(svg);
    const texts = findAll(parseXml(svg), 'text').map(({ text }) => text);
    for (const said of ['32 → 8', '64 → 32', '64 → 8', 'n = 300', 'UNCURL, as it is', 'UNCURL, fine-tuned'])
      expect(texts).toContain(said.replaceAll(' \u2192 ', '\u00a0\u2192\u00a0'));
    // A circle for each pair as it is, a diamond for each fine-tuned one, and one of both in the legend.
    const marks = findAll(parseXml(svg), 'path').map(({ attributes }) => attributes['d'] ?? '');
    expect(marks.filter((outline) => outline.includes('a3.6 3.6'))).toHaveLength(3);
    expect(svg).toContain(answer.question === 'scratch' ? 'the one pretrained with E′' : 'itself unpruned');
  }
});

it('writes figures of both questions and tables of arms, pairs and thresholds', () => {
  const files = experimentFiles(document, sampleManifest);
  expect(files.map(({ name }) => name)).toEqual([
    ...['pruned-against-scratch.svg', 'pruned-against-unpruned.svg'],
    ...['experiment-arms.csv', 'experiment-pairs.csv', 'experiment-matrix.csv', 'experiment-thresholds.csv'],
    'manifest.json',
  ]);
  const rowsOf = (name: string): readonly string[] =>
    (files.find((file) => file.name === name)?.contents ?? '').trim().split('\n');
  expect(rowsOf('experiment-arms.csv')).toHaveLength(1 + both.length);
  const pairs = rowsOf('experiment-pairs.csv');
  expect(pairs).toHaveLength(1 + 2 * 6);
  expect(pairs[0]).toBe(
    'run,against,task,method,arm,gates,seed,model,reference,experts,kept,factor,n,pruned,reference_accuracy,' +
      'difference,low,high,p,' +
      'lost,gained,sign,verdict',
  );
  expect(pairs[1]).toMatch(/^sweep-sample,scratch,one,uncurl,as-is,,,family-32,family-8,32,8,4,300,0\.9,0\.9333/);
  expect(rowsOf('experiment-thresholds.csv')).toHaveLength(1 + 2 * 4);
});
