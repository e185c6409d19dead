import { afterEach, expect, test } from 'vitest';
import type { CallName } from '../../../main/contract/calls.ts';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import { pointCommands, runCommands } from '../../../renderer/actions/commands.ts';
import type { MenuItem } from '../../../renderer/components/row-menu.tsx';
import type { Engine } from '../../../renderer/engine/engine-context.tsx';
import { outcomesStore } from '../../../renderer/state/dialog-stores.ts';
import { exportStore } from '../../../renderer/state/model-forms.ts';
import { layoutStore } from '../../../renderer/state/layout-store.ts';
import { runsStore } from '../../../renderer/state/runs-store.ts';
import { selectionStore } from '../../../renderer/state/selection-store.ts';
import { runOf } from '../../main/contract/run-of.ts';
import { engineOf } from '../engine-of.ts';

const called: CallName[] = [];
const call: Engine['bridge']['call'] = (name) => {
  called.push(name);
  return new Promise(() => undefined);
};
const engine = engineOf(call);
afterEach(() => {
  runsStore.setState(runsStore.getInitialState(), true);
  exportStore.setState(exportStore.getInitialState(), true);
  outcomesStore.setState(outcomesStore.getInitialState(), true);
  selectionStore.setState(selectionStore.getInitialState(), true);
  layoutStore.setState(layoutStore.getInitialState(), true);
});

const open = (items: readonly MenuItem[]): readonly string[] =>
  items.filter(({ disabled }) => disabled !== true).map(({ label }) => label);
const choose = (items: readonly MenuItem[], label: string): void =>
  (items.find((item) => item.label === label) ?? expect.fail(label)).onChoose(null);

test('the commands of a run fit its state', () => {
  const sweep = runOf({ id: 'sweep-1', kind: 'sweep', state: 'done' });
  expect(open(runCommands(engine, sweep))).toContain('Reproduce: run again, compare');
  expect(open(runCommands(engine, { ...sweep, kind: 'fit' }))).toContain('Reproduce: run again, compare');
  expect(open(runCommands(engine, { ...sweep, state: 'running' }))).not.toContain('Move to the trash');
  expect(open(runCommands(engine, { ...sweep, damaged: 'no results' }))).toEqual([
    'Copy the name of its folder',
    'Move to the trash',
  ]);
  choose(runCommands(engine, sweep), 'Choose, to compare');
  expect(runsStore.getState().chosen).toEqual(['sweep-1']);
  choose(runCommands(engine, sweep), 'Archive');
  expect(called).toEqual(['runs.label']);
});

test('a point is shown, exported, and asked for its items; the unpruned model has nothing of this', () => {
  const result: SweepResult = {
    model: 'm',
    task: 't',
    method: 'reap',
    seed: null,
    factor: 4,
    kept: 2,
    n: 300,
    evaluated: 300,
    metric: 'acc',
    value: 0.5,
    acc: 0.5,
    accNorm: 0.5,
    perplexity: null,
    difference: 0,
    low: 0,
    high: 0,
    lowOneSided: 0,
    highOneSided: 0.02,
    p: 1,
    lost: 0,
    gained: 0,
    truncated: 0,
  };
  const point = { run: 'sweep-1', model: 'm', task: 't', method: 'reap', seed: null, factor: 4 };
  const items = pointCommands(engine, 'sweep-1', result, ['accuracy 50 %']);
  choose(items, 'Lost and gained items…');
  expect(outcomesStore.getState().point).toEqual(point);
  choose(items, 'Export its plan…');
  expect(exportStore.getState()).toMatchObject({ open: true, point });
  choose(items, 'Show its numbers');
  expect(selectionStore.getState()).toMatchObject({ point, subject: 'point' });
  expect(open(pointCommands(engine, 'sweep-1', { ...result, factor: 1 }, []))).toEqual([
    'Show its numbers',
    'Copy its numbers',
  ]);
});
