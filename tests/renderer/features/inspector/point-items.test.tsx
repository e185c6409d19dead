import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import type { OutcomesDocument } from '../../../../main/contract/outcomes.ts';
import { FirstLost, hasItems } from '../../../../renderer/features/inspector/point-items.tsx';
import { layoutStore } from '../../../../renderer/state/layout-store.ts';
import { selectionStore } from '../../../../renderer/state/selection-store.ts';
import { showPoint } from '../../../../renderer/sweep/show-point.ts';

const point = { run: 'r', model: 'm', task: 'french-written', method: 'reap', seed: null, factor: 2 };
const written = (text: string, isRight: boolean) => ({
  kind: 'written' as const,
  text,
  filtered: null,
  stopped: 'until' as const,
  isRight,
});
const document: OutcomesDocument = {
  ...point,
  metric: 'exact_match',
  counts: { lost: 124, gained: 3, same: 93, otherwise: 130 },
  total: 124,
  from: 0,
  items: [
    {
      item: 'fr-10',
      asked: { context: 'french committee>', choices: [], right: ['comite'] },
      unpruned: written('comite', true),
      candidate: written('compater', false),
      change: 'lost',
      truncatedTokens: 0,
    },
  ],
  note: null,
};
const markup = (props: Partial<Parameters<typeof FirstLost>[0]>): string =>
  renderToStaticMarkup(<FirstLost document={undefined} error={null} onAll={() => undefined} {...props} />);

test('the first lost items are shown with both answers, their difference marked, and all counts', () => {
  const shown = markup({ document });
  expect(shown).toContain('Lost 124, gained 3, same 93');
  expect(shown).toContain('<code>com<mark>ite</mark></code>');
  expect(shown).toContain('<code>com<mark>pater</mark></code>');
  expect(shown).toContain('Show all items');
});

test('loading is shown until they are read, and an error replaces them', () => {
  expect(markup({})).toContain('Reading the answers…');
  const error = { code: 'outcomes-missing', kind: 'failed' as const, message: 'No longer stored.', remedy: 'Resume.' };
  const failed = markup({ error });
  expect(failed).toContain('No longer stored.');
  expect(failed).toContain('Resume.');
  expect(failed).not.toContain('Reading');
});

test('a point that lost nothing shows no list, and says why questions are missing', () => {
  const none = { ...document, items: [], total: 0, note: 'Questions are not shown: the task is gone.' };
  const shown = markup({ document: none });
  expect(shown).not.toContain('<ol');
  expect(shown).toContain('Questions are not shown: the task is gone.');
});

test('only pruned candidates of tasks with right answers have such items', () => {
  expect(hasItems({ factor: 2, metric: 'acc' })).toBe(true);
  expect(hasItems({ factor: 2, metric: 'exact_match' })).toBe(true);
  expect(hasItems({ factor: 1, metric: 'exact_match' })).toBe(false);
  expect(hasItems({ factor: 2, metric: 'perplexity' })).toBe(false);
});

test('showing a point selects it, switches the panel to it, and opens the panel', () => {
  if (layoutStore.getState().inspectorOpen) layoutStore.getState().toggleInspector();
  showPoint(point, { factor: 2 });
  expect(selectionStore.getState()).toMatchObject({ point, subject: 'point', factor: 2 });
  expect(layoutStore.getState().inspectorOpen).toBe(true);
});
