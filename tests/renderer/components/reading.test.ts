import { expect, test } from 'vitest';
import { otherWaits } from '../../../renderer/components/reading.tsx';
import { type Wait, waitsStore } from '../../../renderer/state/notices-store.ts';

const wait = (label: string, place: Element | null = null): Omit<Wait, 'id'> => ({
  label,
  startedAt: 0,
  abort: () => undefined,
  place,
});

test('a wait leaves the foot of the window while views keep a place for it, however many do', () => {
  const { begin, hold } = waitsStore.getState();
  const others = (): readonly string[] => {
    const { waits, held } = waitsStore.getState();
    return otherWaits(waits, held).map(({ label }) => label);
  };
  const shown = [begin(wait('Reading sweeps')), begin(wait('Comparing methods'))];
  expect(others()).toEqual(['Reading sweeps', 'Comparing methods']);
  const leaveFirst = hold('Reading sweeps');
  const leaveSecond = hold('Reading sweeps');
  expect(others()).toEqual(['Comparing methods']);
  leaveFirst();
  expect(others()).toEqual(['Comparing methods']);
  leaveSecond();
  expect(others()).toEqual(['Reading sweeps', 'Comparing methods']);
  for (const each of shown) each.end();
  expect(others()).toEqual([]);
});

test('what a button waits for stands at the button alone', () => {
  const button = Object.create(null) as Element;
  const waits = [wait('Making the plan'), wait('Making the plan', button), wait('Reading sweeps')];
  const others = otherWaits(
    waits.map((entry, id) => ({ ...entry, id })),
    [],
  );
  expect(others.map(({ label }) => label)).toEqual(['Reading sweeps']);
});
