import { expect, test } from 'vitest';
import { experimentDocument } from '../../../../main/evaluation/experiment/document.ts';
import { experimentTree } from '../../../../main/evaluation/experiment/experiment-tree.ts';
import { figureTheme } from '../../../../main/figures/colors.ts';
import { experimentTreeView } from '../../../../main/figures/views.ts';
import { sampleManifest } from '../../figures/sample-run.ts';
import { answers, arm, record } from './made-up.ts';

const tuned = { treatment: 'tuned' } as const;
const folded = { gates: 'folded' } as const;
const arms = [
  arm(8, 8, answers(0)),
  arm(64, 64, answers(0)),
  arm(64, 64, answers(3), tuned),
  // Two draws: safe in one alone.
  arm(64, 32, answers(0), { seed: 1 }),
  arm(64, 32, answers(30), { seed: 0 }),
  arm(64, 32, answers(3), { ...tuned, seed: 0 }),
  arm(64, 8, answers(60), { ...tuned, seed: 0 }),
  arm(64, 32, answers(1), { treatment: 'refit' }),
  arm(64, 32, answers(0), folded),
  arm(64, 32, answers(3), { ...folded, ...tuned }),
];
const document = experimentDocument(record(arms), {});
const subject = { model: 'family-64', task: 'one' };

test('what was trained after pruning hangs from the plan that it was made from, with its own verdicts', () => {
  const { factors, rows } = experimentTree(document, subject);
  expect(factors).toEqual([1, 2, 8]);
  const parents = new Map(rows.map(({ method, title }) => [method, title]));
  expect(
    rows.map(({ title, kind, parent, points }) => [
      title,
      kind,
      parent === null ? null : parents.get(parent),
      points.map(({ factor, verdict, draws }) => [factor, verdict, draws.length]),
    ]),
  ).toEqual([
    ['Unpruned', 'unpruned', null, [[1, null, 1]]],
    ['fine-tuned', 'trained', 'Unpruned', [[1, null, 1]]],
    ['UNCURL', 'pruned', 'Unpruned', [[2, 'undecided', 2]]],
    [
      'fine-tuned',
      'trained',
      'UNCURL',
      [
        [2, 'safe', 1],
        [8, 'worse', 1],
      ],
    ],
    ['refit', 'refit', 'UNCURL', [[2, 'safe', 1]]],
    ['UNCURL, gates folded', 'pruned', 'Unpruned', [[2, 'safe', 1]]],
    ['fine-tuned', 'trained', 'UNCURL, gates folded', [[2, 'safe', 1]]],
  ]);
  expect(rows.map(({ depth }) => depth)).toEqual([0, 1, 1, 2, 2, 1, 2]);
  const [drawn] = rows.find(({ title }) => title === 'UNCURL')?.points ?? [];
  expect(drawn?.draws.map(({ seed }) => seed)).toEqual([0, 1]);
  expect(drawn?.difference).toBeCloseTo(-15 / 300, 12);
  // A trained model is compared with the unpruned one that was trained alike: as many are wrong there.
  expect(rows.find(({ name }) => name === 'UNCURL, fine-tuned')?.points[0]).toMatchObject({ difference: 0 });
});

test('the root is there where it was measured trained alone, and a model that was not measured has no tree', () => {
  const trained = experimentDocument(record(arms.filter(({ treatment }) => treatment === 'tuned')), {});
  const { rows } = experimentTree(trained, subject);
  expect(rows[0]).toMatchObject({ title: 'Unpruned', points: [] });
  expect(rows.map(({ title }) => title)).toContain('UNCURL, fine-tuned');
  expect(experimentTree(document, { model: 'another', task: 'one' })).toEqual({ factors: [], rows: [] });
});

test('its picture has the trained rows, and every pair is saved beside it', () => {
  const tree = experimentTree(document, subject);
  const { picture, table } = experimentTreeView({ manifest: sampleManifest, document, theme: 'light' }, subject, tree);
  expect([picture?.name, table.name]).toEqual(['map-of-models-family-64--one', 'experiment-pairs.csv']);
  const drawn = picture?.draw(figureTheme('light').task);
  expect(drawn?.svg).toContain('>fine-tuned<');
  expect(table.write().split('\n')[0]).toContain('against,task,method,arm');
});
