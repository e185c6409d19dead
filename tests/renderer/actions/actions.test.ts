import { expect, test, vi } from 'vitest';
import { type PathHandle, pathHandle } from '../../../main/contract/model.ts';
import { at, refuse } from '../../../main/contract/errors.ts';
import { menuAction } from '../../../main/contract/shell.ts';
import { type Action, isStanding, performAction, type Refusal, refusalOf } from '../../../renderer/actions/action.ts';
import { startProfile, unfinishedRun } from '../../../renderer/actions/jobs.ts';
import { readFacts } from '../../../renderer/engine/facts.ts';
import { actions } from '../../../renderer/app/views.tsx';
import {
  matchesShortcut,
  parseShortcut,
  shortcutAccelerator,
  showShortcut,
} from '../../../renderer/actions/shortcut.ts';
import { calibrationStore } from '../../../renderer/state/dialog-stores.ts';
import { noticesStore, waitsStore } from '../../../renderer/state/notices-store.ts';
import { modelEntryOf, taskEntryOf } from '../../main/contract/entries.ts';
import { runOf } from '../../main/contract/run-of.ts';
import { engineOf } from '../engine-of.ts';

const withShortcut = actions.flatMap((action) =>
  action.shortcut === undefined
    ? []
    : [
        {
          id: action.id,
          text: action.shortcut,
          key: parseShortcut(action.shortcut),
          yields: action.yieldsToTyping === true,
        },
      ],
);

test('ids and labels are unique', () => {
  expect(new Set(actions.map((action) => action.id)).size).toBe(actions.length);
  expect(new Set(actions.map((action) => action.label)).size).toBe(actions.length);
});

test('no two actions share a shortcut, and a plain character leaves typing alone', () => {
  expect(new Set(withShortcut.map(({ key }) => JSON.stringify(key))).size).toBe(withShortcut.length);
  expect(withShortcut.filter(({ key, yields }) => !key.mod && !key.alt && !yields)).toEqual([]);
});

test('every action fits the window’s menu', () => {
  for (const { id, label, menu, shortcut, yieldsToTyping } of actions) {
    const entry = {
      id,
      label,
      menu,
      // The menu takes no key that a text field may need.
      accelerator: shortcut === undefined || yieldsToTyping === true ? undefined : shortcutAccelerator(shortcut),
    };
    expect(menuAction.safeParse(entry).error, id).toBeUndefined();
  }
});

test('a shortcut is parsed once and matched exactly', () => {
  const shortcut = parseShortcut('Mod+Shift+P');
  const press = { key: 'P', ctrlKey: true, metaKey: false, shiftKey: true, altKey: false };
  expect(matchesShortcut(shortcut, press, false)).toBe(true);
  expect(matchesShortcut(shortcut, press, true)).toBe(false);
  expect(matchesShortcut(shortcut, { ...press, ctrlKey: false, metaKey: true }, true)).toBe(true);
  expect(matchesShortcut(shortcut, { ...press, altKey: true }, false)).toBe(false);
  expect(
    matchesShortcut(
      parseShortcut('Alt+Down'),
      { key: 'ArrowDown', ctrlKey: false, metaKey: false, shiftKey: false, altKey: true },
      false,
    ),
  ).toBe(true);
  // On a Mac, Alt changes the character, so the key is identified by its position.
  const bracket = { key: '“', code: 'BracketLeft', ctrlKey: false, metaKey: false, shiftKey: false, altKey: true };
  expect(matchesShortcut(parseShortcut('Alt+['), bracket, true)).toBe(true);
  expect(matchesShortcut(parseShortcut('Alt+]'), bracket, true)).toBe(false);
  expect(() => parseShortcut('Hyper+K')).toThrow(/unknown modifier/);
  expect([showShortcut('Mod+Shift+P', true), showShortcut('Mod+Shift+P', false)]).toEqual(['⌘⇧P', 'Ctrl+Shift+P']);
});

test('an action in progress is not started again: a double click starts one sweep', async () => {
  const engine = engineOf(() => Promise.reject(new Error('nothing is asked')));
  let started = 0;
  let end = (): void => undefined;
  const action = {
    id: 'slow',
    label: 'Slow',
    keywords: [],
    menu: 'run' as const,
    enabled: () => true,
    perform: () => {
      started += 1;
      return new Promise<void>((resolve) => {
        end = resolve;
      });
    },
  };
  const first = performAction(action, engine);
  await performAction(action, engine);
  expect(started).toBe(1);
  end();
  await first;
  void performAction(action, engine);
  expect(started).toBe(2);
  end();
});

test('the error of an action is shown where it was asked for, and else as a message', async () => {
  const engine = engineOf(() => Promise.reject(new Error('nothing is asked')));
  const refused = refuse('taken', 'The folder exists.', 'Choose another name.');
  const action = {
    id: 'refused',
    label: 'Refused',
    keywords: [],
    menu: 'run' as const,
    enabled: () => true,
    perform: () => Promise.reject(refused),
  };
  const messages = () => noticesStore.getState().notices.map(({ message }) => message);
  const here: unknown[] = [];
  await performAction(action, engine, (error) => here.push(error));
  expect([here, messages()]).toEqual([[refused], []]);
  await performAction(action, engine);
  expect(messages()).toEqual(['The folder exists.']);
  for (const { id } of noticesStore.getState().notices) noticesStore.getState().dismiss(id);
});

test('a refusal stands until the next attempt from any place, or until what it was made on changes', async () => {
  const engine = engineOf(() => Promise.reject(new Error('nothing is asked')));
  const refused = refuse('gone', 'The folder is gone.', 'Bring it back.');
  let isGone = true;
  const action = {
    id: 'started',
    label: 'Started',
    keywords: [],
    menu: 'run' as const,
    enabled: () => true,
    perform: () => (isGone ? Promise.reject(refused) : undefined),
  };
  const attempt = async (): Promise<Refusal> => {
    const told: Refusal[] = [];
    await performAction(action, engine, (error) => told.push(refusalOf(action, engine, error)));
    return at(told, 0, 'it was not refused');
  };
  const facts = readFacts(engine);
  const gone = modelEntryOf('m1', { error: 'The folder is gone.' });
  const first = await attempt();
  expect(first.error.message).toBe('The folder is gone.');
  expect(isStanding(action, first, facts)).toBe(true);
  expect(isStanding(action, first, { ...facts, models: [gone] })).toBe(false);
  expect(isStanding(action, first, { ...facts, connected: false })).toBe(false);
  // A list that was only read again changes nothing.
  expect(isStanding(action, first, { ...facts, models: [...facts.models] })).toBe(true);
  const second = await attempt();
  expect([first, second].map((each) => isStanding(action, each, facts))).toEqual([false, true]);
  isGone = false;
  await performAction(action, engine);
  expect(isStanding(action, second, facts)).toBe(false);
});

test('a long action is shown after a second, and can be given up', async () => {
  vi.useFakeTimers();
  let wasAborted = false;
  const engine = engineOf((_name, _input, signal) => {
    signal?.addEventListener('abort', () => {
      wasAborted = true;
    });
    return new Promise(() => undefined);
  });
  const action: Action = {
    id: 'long',
    label: 'Long',
    keywords: [],
    menu: 'run',
    enabled: () => true,
    perform: async ({ bridge }) => {
      await bridge.call('report.make', { run: 'one' });
    },
  };
  const performed = performAction(action, engine);
  vi.advanceTimersByTime(999);
  expect(waitsStore.getState().waits).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(waitsStore.getState().waits.map(({ label }) => label)).toEqual(['Making the report']);
  waitsStore.getState().waits[0]?.abort();
  await performed;
  expect(wasAborted).toBe(true);
  expect(waitsStore.getState().waits).toEqual([]);
  vi.useRealTimers();
});

test('a profile started in the window keeps tokens, with what else is asked for', async () => {
  const asked: unknown[] = [];
  const { bridge } = engineOf((name, input) => {
    asked.push([name, input]);
    return Promise.reject(new Error('not started'));
  });
  const [model, task] = [modelEntryOf('m'), taskEntryOf('t')];
  const started = startProfile({ bridge }, model, [task], { methods: ['uncurl'] });
  await expect(started).rejects.toThrow('not started');
  expect(asked).toMatchObject([
    ['profile.start', { model: 'm', tasks: ['t'], methods: ['uncurl'], inspect: ['choices'] }],
  ]);
});

test('tasks without calibration items are asked about one after the other', () => {
  const [first, second] = ['a', 'b'].map((handle) => pathHandle.parse(handle)) as [PathHandle, PathHandle];
  const { show } = calibrationStore.getState();
  show(first);
  show(second);
  show(second);
  expect(calibrationStore.getState().task).toBe(first);
  show(null);
  expect(calibrationStore.getState().task).toBe(second);
  show(null);
  expect(calibrationStore.getState().task).toBeNull();
});

test('of interrupted runs the one whose work had begun is offered, not a newer one that waited', () => {
  const interrupted = (id: string, createdAt: string, waited: boolean) =>
    runOf({ id, createdAt, waited, state: 'interrupted' });
  const [older, running, waiting] = [
    interrupted('older', '2026-01-01T00:00:00.000Z', false),
    interrupted('running', '2026-01-02T00:00:00.000Z', false),
    interrupted('waiting', '2026-01-03T00:00:00.000Z', true),
  ] as const;
  expect(unfinishedRun([older, waiting, running])?.id).toBe('running');
  expect(unfinishedRun([waiting])?.id).toBe('waiting');
  expect(unfinishedRun([])).toBeNull();
});
