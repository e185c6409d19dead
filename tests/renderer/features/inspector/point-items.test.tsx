import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import type { OutcomesDocument } from '../../../../main/contract/outcomes.ts';
import { FirstLost, hasItems, PointCostFacts } from '../../../../renderer/features/inspector/inspector.tsx';
import { layoutStore } from '../../../../renderer/state/layout-store.ts';
import { selectionStore } from '../../../../renderer/state/selection-store.ts';
import { showPoint } from '../../../../renderer/sweep/brought.ts';
import type { PointCost } from '../../../../main/contract/sweep.ts';

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
  expect(markup({})).toContain('Reading answers…');
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
  const selection = selectionStore.getState();
  showPoint({ models: [], tasks: [], runs: [], methods: [], selection }, point);
  expect(selectionStore.getState()).toMatchObject({ point, subject: 'point', factor: 2 });
  expect(layoutStore.getState().inspectorOpen).toBe(true);
});

const cost: PointCost = { bytes: 3_000_000, activeParameters: 250_000, cacheBytesPerToken: 2304 };
const unpruned: PointCost = { ...cost, bytes: 12_000_000 };
const text = (markup: string): string => markup.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
const shown = (own: PointCost, whole: PointCost | undefined): string =>
  text(renderToStaticMarkup(<PointCostFacts cost={own} unpruned={whole} />));

test('bytes are shown with their share of the unpruned model, and speeds only if measured', () => {
  const plain = shown(cost, unpruned);
  expect(plain).toMatch(/Weights 3 MB \(25 %\)/);
  expect(plain).toContain('Cache per token');
  expect(plain).not.toContain('tokens/s');
  expect(shown(cost, undefined)).not.toContain('%');
});

test('a low speed has more digits', () => {
  const timed = shown({ ...cost, promptTokensPerSecond: 412.6, decodeTokensPerSecond: 3.456 }, unpruned);
  expect(timed).toMatch(/Prompt speed 413 tokens\/s/);
  expect(timed).toMatch(/Decode speed 3\.46 tokens\/s/);
});
