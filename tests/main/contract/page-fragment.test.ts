import { expect, test } from 'vitest';
import { linkedFragment } from '../../../main/contract/page-fragment.ts';
import { pathHandle } from '../../../main/contract/model.ts';
import { addressOf, readAddress } from '../../../renderer/state/address.ts';
import { noSelection } from '../../../renderer/state/selection.ts';

const handle = (name: string) => pathHandle.parse(name);

test('every key that the page writes is allowed in a link, and leads to the same page', () => {
  const shelves = {
    models: [{ handle: handle('h1'), name: 'my model, 2' }],
    tasks: [{ handle: handle('h2'), name: 'tâche' }],
  };
  const selection = {
    ...noSelection,
    model: handle('h1'),
    task: handle('h2'),
    tasks: [handle('h2')],
    pins: { h1: [{ layer: 0, expert: 1, keep: true }] },
    run: 'sweep-1',
    layer: 0,
    expert: 1,
    factor: 5.33,
    map: {
      metric: 'reap' as const,
      minus: { kind: 'task' as const, task: handle('h2') },
      scaling: 'rank' as const,
      order: { by: 'task' as const, task: handle('h2') },
    },
  };
  const written = addressOf('compare', selection, shelves);
  const linked = linkedFragment(`#${written}`);
  expect(linked).not.toBeNull();
  expect(readAddress(linked ?? '', shelves)).toEqual(readAddress(written, shelves));
  expect(readAddress(linked ?? '', shelves).known).toMatchObject({
    model: 'h1',
    task: 'h2',
    run: 'sweep-1',
    map: selection.map,
  });
});

test('a link contains nothing that the page would not write', () => {
  for (const fragment of ['', '#', 'model=/etc', 'model=a%5Cb', 'workspace=x', 'view=%0a', `run=${'a'.repeat(17_000)}`])
    expect(linkedFragment(fragment)).toBeNull();
});
