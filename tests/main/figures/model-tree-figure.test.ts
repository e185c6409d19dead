import { expect, test } from 'vitest';
import { modelTree } from '../../../main/evaluation/model-tree.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { modelTreeFigure, treePointText } from '../../../main/figures/model-tree-figure.ts';
import { modelTreeView } from '../../../main/figures/views.ts';
import { sweepResult } from '../evaluation/outcomes.ts';
import { expectInFrame } from './expect-in-frame.ts';
import { sampleManifest, sampleSweep } from './sample-run.ts';
import { findAll, parseXml } from './xml-outline.ts';

const cost = { bytes: 50_000_000, activeParameters: 1, cacheBytesPerToken: 1 };
const results = [
  sweepResult({ factor: 1, kept: 16, method: 'unpruned', verdict: null, cost }),
  sweepResult({ method: 'reap', factor: 2, verdict: 'safe', difference: -0.004, cost }),
  sweepResult({ method: 'reap@q8_0', factor: 2, verdict: 'undecided', difference: -0.02 }),
  sweepResult({ method: 'tuned', factor: 4, verdict: 'worse', difference: -0.3 }),
];
const document = { ...sampleSweep(), results };
const subject = { model: 'model', task: 'task' };
const tree = modelTree(document, { ...subject, candidates: ['tuned'] });

test('the picture of the map has a row for each curve and a marked cell for each model', () => {
  const { svg, title } = modelTreeFigure(tree, subject, document, sampleManifest, figureTheme('light'));
  expectInFrame(svg);
  expect(title).toBe('Map of models: model on task');
  const texts = findAll(parseXml(svg), 'text').map(({ text }) => text);
  for (const words of [
    'Unpruned',
    'REAP',
    'Tuned (made elsewhere)',
    '×1',
    '×2',
    '×4',
    '✓',
    '?',
    '✕',
    '−0.4',
    expect.stringMatching(/^50\sMB$/),
  ])
    expect(texts).toContainEqual(words);
  expect(tree.rows.map(({ title: added }) => added)).toEqual(['Unpruned', 'REAP', 'at q8_0', 'Tuned']);
  expect(treePointText({ factor: 2, draws: [], results: [], difference: null, verdict: 'worse', bytes: null })).toBe(
    'stopped early',
  );
});

test('its file is named by model and task, beside every result of the sweep', () => {
  const { picture, table } = modelTreeView({ manifest: sampleManifest, document, theme: 'dark' }, subject, tree);
  expect([picture?.name, table.name]).toEqual(['map-of-models-model--task', 'results.csv']);
  expect(picture?.draw((task) => `${task} by title`).svg).toContain('model on task by title');
});
