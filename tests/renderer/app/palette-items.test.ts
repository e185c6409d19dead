import { describe, expect, test } from 'vitest';
import { actions } from '../../../renderer/app/views.tsx';
import { groupsOf, isDestination, paletteItems, rankedItems } from '../../../renderer/app/palette-items.ts';
import type { Facts } from '../../../renderer/engine/facts.ts';
import { noSelection } from '../../../renderer/state/selection.ts';
import { selectionStore } from '../../../renderer/state/selection-store.ts';
import { engineOf } from '../engine-of.ts';
import { modelEntryOf, taskEntryOf } from '../../main/contract/entries.ts';
import { runOf } from '../../main/contract/run-of.ts';
import { modelInfoOf } from '../../main/contract/model-info-of.ts';

const model = modelEntryOf('olmoe', {
  bundled: false,
  info: modelInfoOf({ family: 'olmoe', layers: 16, moeLayers: 16, experts: 64, topK: 8, normTopK: false }),
});
const facts: Facts = {
  connected: true,
  models: [model],
  tasks: [taskEntryOf('sort', { title: 'Sorting' })],
  runs: [runOf({ id: 'r1', title: 'Sweep of olmoe', state: 'running' })],
  jobs: [],
  methods: [],
  selection: { ...noSelection, model: model.handle },
};
const items = (typed: string) => paletteItems(actions, facts, typed);
const expertOf = (typed: string) => items(typed).find(({ group }) => group === 'Expert')?.label;

describe('the palette', () => {
  test('finds actions, settings, models, tasks and runs, each once', () => {
    const found = items('');
    expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
    expect(found.filter((item) => !isDestination(item))).toHaveLength(actions.length - 1);
    expect(found.map(({ label }) => label)).toEqual(
      expect.arrayContaining(['Theme: dark', 'Devices…', 'olmoe', 'Sorting', 'Sweep of olmoe']),
    );
  });

  test('shows only actions while nothing is typed, under their headings', () => {
    const commands = items('').filter((item) => !isDestination(item));
    expect(groupsOf(commands)).toEqual(['Run', 'View and settings', 'File', 'Selection', 'Help']);
  });

  test('finds an expert of the selected model by its numbers', () => {
    expect(expertOf('3:17')).toBe('Layer 3, expert 17');
    expect(expertOf(' layer 15 expert 63 ')).toBe('Layer 15, expert 63');
    expect(expertOf('3 17')).toBe('Layer 3, expert 17');
    expect([expertOf('16:0'), expertOf('0:64'), expertOf('17'), expertOf('x3:1')]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('ranks results across groups: the beginning of a label first, keywords last', () => {
    const labels = (typed: string) => rankedItems(items(typed), typed).map(({ label }) => label);
    expect(labels('sor')[0]).toBe('Sorting');
    expect(labels('olmoe').slice(0, 2)).toEqual(['olmoe', 'Sweep of olmoe']);
    expect(labels('dark theme')[0]).toBe('Theme: dark');
    expect(labels('heatmap')).toContain('Show Workbench');
    expect(labels('3:17')[0]).toBe('Layer 3, expert 17');
    expect(labels('no such thing')).toEqual([]);
  });
});

test('settings are found by their values, ranked with everything else, and applied', () => {
  const found = (typed: string) => rankedItems(items(typed), typed)[0];
  const setting = found('colours rank');
  expect([setting?.label, setting?.group]).toEqual(['Colours of the map: rank', 'Setting']);
  setting?.choose(
    engineOf(() => Promise.reject(new Error('a setting asks nothing'))),
    facts,
  );
  expect(selectionStore.getState().map.scaling).toBe('rank');
  expect(found('below bytes')?.label).toBe('Chart below the map: bytes');
  expect(found('margin 0.05')?.label).toBe('Next sweep, margin δ: 0.05');
  expect(found('adaptive on')?.label).toBe('Next sweep, adaptive: on');
  expect(found('plan budget by hand')?.label).toBe('Plan, budget: by hand');
  expect(found('sorting')?.group).toBe('Task');
});
