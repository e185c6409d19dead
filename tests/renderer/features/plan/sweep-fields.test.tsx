import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { SweepFields } from '../../../../renderer/features/plan/sweep-choices.tsx';
import { sweepStore } from '../../../../renderer/state/sweep-store.ts';

/** Labels of the fields, in order. */
const labels = (markup: string): readonly string[] =>
  [...markup.matchAll(/<span class="definition"[^>]*>([^<]*)<\/span>/g)].map(([, label = '']) => label);

test('each part of the form of a sweep has the fields of its settings', () => {
  expect(labels(renderToStaticMarkup(<SweepFields part="factors" />))).toEqual([
    'adaptive',
    'stop early',
    'Planned looks',
  ]);
  expect(labels(renderToStaticMarkup(<SweepFields stacked part="plans" />))).toEqual([
    'Budget',
    'Super experts',
    'Gates',
    'Recovery',
    'Calibrate on',
    'Sampler',
    'Repeats',
    'run generated programs',
    'Calibration draws',
    'Drawn items',
  ]);
  expect(labels(renderToStaticMarkup(<SweepFields part="plans" hidden={['calibration']} />))).not.toContain(
    'Calibrate on',
  );
  expect(labels(renderToStaticMarkup(<SweepFields />))).toEqual(
    expect.arrayContaining(['Draws', 'Item limit', 'Margin δ (points)', 'speed']),
  );
});

test('the store holds settings in the shape of the contract, and takes one by name', () => {
  const { choose, toggleRefit } = sweepStore.getState();
  expect(sweepStore.getState()).toMatchObject({ seeds: [0, 1, 2], recovery: 'none', limit: null, delta: 0.02 });
  choose('limit', 40);
  choose('stop', 'early');
  toggleRefit('router');
  expect(sweepStore.getState()).toMatchObject({ limit: 40, stop: 'early', refits: ['experts', 'router'] });
});
