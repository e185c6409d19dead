import { factSentence, factSentences } from '../../../main/words/sweep-facts.ts';
import { expect, test } from 'vitest';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import { sweepCounts } from '../../../main/evaluation/sweeps/sweep-shape.ts';
import { curvesOf, drawCosts, drawCostText } from '../../../main/jobs/sweep-stages.ts';
import { modelInfoOf } from '../contract/model-info-of.ts';
import { uniqueNames } from '../../../main/jobs/write-sweep-files.ts';

const small = { name: 'small', checkpoint: { info: modelInfoOf({ experts: 8, topK: 2 }) } };
const large = { name: 'large', checkpoint: { info: modelInfoOf({ experts: 64, topK: 2 }) } };

test('factors become kept counts, falling, each once, without the unpruned model', () => {
  const { kept, facts } = sweepCounts([small], { factors: [4, 1, 2, 2, 8 / 3] });
  expect(kept.get('small')).toEqual([4, 3, 2]);
  expect(facts).toEqual([]);
});

test('a factor that no model can reach is refused with the largest possible one of each', () => {
  expect(() => sweepCounts([small], { factors: [8] })).toThrow('The pruning factor 8 leaves fewer experts');
  expect(() => sweepCounts([small, large], { factors: [2, 64] })).toThrow(
    expect.objectContaining({
      kind: 'refused',
      code: 'factor-too-large',
      remedy: expect.stringMatching(/small .* at most 4; large .* at most 32/),
    }),
  );
});

test('a factor that only some models can reach is left out for the others, with a note', () => {
  const { kept, facts } = sweepCounts([small, large], { factors: [2, 16] });
  expect(kept.get('small')).toEqual([4]);
  expect(kept.get('large')).toEqual([32, 4]);
  expect(facts.map(factSentence)).toEqual([
    'Factor 16 was left out where it would leave fewer than top-k experts: small (top-2 of 8 experts): at most 4.',
  ]);
});

test('several factors that are left out make one note, at the place of the first', () => {
  const { facts } = sweepCounts([small, large], { factors: [2, 8, 16] });
  expect(factSentences([...facts, { code: 'curtailed' }])).toEqual([
    'Factors 8 and 16 were left out where they would leave fewer than top-k experts: small (top-2 of 8 experts): ' +
      'at most 4.',
    factSentence({ code: 'curtailed' }),
  ]);
});

test('methods that draw have a curve per seed, three of them unless seeds are named, and others have one', () => {
  const asked = { methods: ['reap', 'uncurl', 'random', 'sub-moe', 'eep'], factors: [2] };
  const seedsOf = (settings: object) => {
    const curves = curvesOf(sweepSettings.parse({ ...asked, ...settings }));
    return asked.methods.map((name) => curves.filter(({ method }) => method === name).map(({ seed }) => seed));
  };
  expect(seedsOf({})).toEqual([[null], [0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2]]);
  expect(seedsOf({ seeds: [4, 4, 1] })).toEqual([[null], [4, 1], [4, 1], [4, 1], [4, 1]]);
  const [, settled] = seedsOf({ options: { uncurl: { assign: 'cluster-qr' } } });
  expect(settled).toEqual([null]);
});

test('the cost of several draws is counted by method, over models, tasks, factors and refits', () => {
  const models = [small, large];
  const settings = sweepSettings.parse({ methods: ['reap', 'uncurl'], factors: [1, 2, 16], recovery: 'both' });
  // Factor 2 of the small model, 2 and 16 of the large one, each as it is and refitted, on 5 tasks, twice more.
  const costs = drawCosts(settings, models, 5);
  expect(costs).toEqual([{ method: 'uncurl', draws: 3, more: 60 }]);
  const said = (changed: object) => costs.map((cost) => drawCostText(cost, { ...settings, ...changed }));
  expect(said({})).toEqual(['uncurl: 3 draws, 60 points more than with one']);
  expect(said({ stop: 'early' })).toEqual(['uncurl: 3 draws, at most 60 points more than with one']);
  expect(said({ adaptive: true })).toEqual(['uncurl: 3 draws, at least 60 points more than with one']);
  expect(drawCosts({ ...settings, seeds: [7] }, models, 5)).toEqual([]);
});

test('namesakes are distinguished, others keep their names', () => {
  expect(
    uniqueNames([
      { name: 'a', hash: '1111111' },
      { name: 'b', hash: '2' },
    ]),
  ).toEqual(['a', 'b']);
  const named = uniqueNames([
    { name: 'a', hash: '1111111' },
    { name: 'a', hash: '2222222' },
    { name: 'a', hash: '1111111' },
  ]);
  expect(named).toEqual(['a (111111)', 'a (222222)', 'a (111111) 2']);
});
