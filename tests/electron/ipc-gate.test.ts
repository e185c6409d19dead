import { describe, expect, it, vi } from 'vitest';
import { pathHandle } from '../../main/contract/model.ts';
import { refuse } from '../../main/contract/errors.ts';
import { createIpcGate } from '../../electron/ipc-gate.ts';
import type { Caller, ShellHandlers } from '../../electron/ipc-gate.ts';

const OWN_WINDOW = 1;
const page: Caller = { senderFrame: { url: 'uncurl://app/', parent: null }, sender: { id: OWN_WINDOW } };

const setUp = () => {
  const handlers = {
    'engine.connect': vi.fn(() => Promise.resolve({})),
    'folder.choose': vi.fn(() => Promise.resolve(pathHandle.parse('handle'))),
    'file.save': vi.fn(() => Promise.resolve({ saved: true })),
    'output.show': vi.fn(() => Promise.resolve({})),
    'theme.set': vi.fn(() => Promise.reject(refuse('no-theme', 'There is no theme.', 'Do without.'))),
    'openings.listen': vi.fn(() => Promise.resolve({})),
    'remote.state': vi.fn(() => Promise.resolve({ host: null, questions: [] })),
    'remote.connect': vi.fn(() => Promise.resolve({})),
    'remote.cancel': vi.fn(() => Promise.resolve({})),
    'remote.answer': vi.fn(() => Promise.resolve({})),
    'remote.leave': vi.fn(() => Promise.resolve({})),
    'remote.fetch': vi.fn(() => Promise.resolve(null)),
    'remote.fetchCancel': vi.fn(() => Promise.resolve({})),
    'menu.set': vi.fn(() => Promise.resolve({})),
  } satisfies ShellHandlers<Caller>;
  return { handlers, gate: createIpcGate<Caller>((id) => id === OWN_WINDOW, handlers) };
};

describe('allowed callers', () => {
  it('include the page itself', async () => {
    const { gate, handlers } = setUp();
    await expect(gate(page, 'folder.choose', { purpose: 'model' })).resolves.toEqual({ output: 'handle' });
    expect(handlers['folder.choose']).toHaveBeenCalledExactlyOnceWith({ purpose: 'model' }, page);
    const deeper: Caller = { ...page, senderFrame: { url: 'uncurl://app/index.html?x#y', parent: null } };
    await expect(gate(deeper, 'engine.connect', { request: 'r' })).resolves.toEqual({ output: {} });
  });

  it.each<[string, Caller]>([
    ['a frame that is gone', { ...page, senderFrame: null }],
    ['a frame inside the page', { ...page, senderFrame: { url: 'uncurl://app/', parent: {} } }],
    ['another host of the scheme', { ...page, senderFrame: { url: 'uncurl://evil/', parent: null } }],
    ['a host with a port', { ...page, senderFrame: { url: 'uncurl://app:1/', parent: null } }],
    ['a host that is a user name', { ...page, senderFrame: { url: 'uncurl://app@evil/', parent: null } }],
    ['a longer host', { ...page, senderFrame: { url: 'uncurl://app.evil/', parent: null } }],
    ['a web page', { ...page, senderFrame: { url: 'https://app/', parent: null } }],
    ['a file', { ...page, senderFrame: { url: 'file:///uncurl://app/', parent: null } }],
    ['a blank page', { ...page, senderFrame: { url: 'about:blank', parent: null } }],
    ['no address', { ...page, senderFrame: { url: '', parent: null } }],
    ['a window that is not ours', { ...page, sender: { id: 2 } }],
  ])('turns %s away before its call is looked at', async (_who, caller) => {
    const { gate, handlers } = setUp();
    await expect(gate(caller, 'engine.connect', { request: 'r' })).rejects.toThrow('own page only');
    await expect(gate(caller, 'no.such', null)).rejects.toThrow('own page only');
    for (const handler of Object.values(handlers)) expect(handler).not.toHaveBeenCalled();
  });
});

describe('allowed calls', () => {
  it.each([['no.such'], ['constructor'], ['__proto__'], [null], [1], [{}]])(
    'refuses the unknown call %j',
    async (name) => {
      const { gate } = setUp();
      expect(await gate(page, name, {})).toMatchObject({ error: { code: 'unknown-call', kind: 'refused' } });
    },
  );

  it.each<[string, unknown]>([
    ['folder.choose', { purpose: 'everything' }],
    ['folder.choose', null],
    ['engine.connect', { request: 'a b' }],
    ['file.save', { suggestedName: '../../.bashrc', bytes: new Uint8Array(1) }],
    ['file.save', { suggestedName: 'a\\b.png', bytes: new Uint8Array(1) }],
    ['file.save', { suggestedName: 'a\n.png', bytes: new Uint8Array(1) }],
    ['file.save', { suggestedName: 'a.png', bytes: 'text' }],
    ['menu.set', { actions: [{ id: 'x', label: 'X', menu: 'file', accelerator: 'Ctrl+Nonsense' }] }],
    ['menu.set', { actions: [{ id: 'x', label: 'X', menu: 'apple' }] }],
  ])('refuses %s with input that breaks its schema', async (name, input) => {
    const { gate, handlers } = setUp();
    expect(await gate(page, name, input)).toMatchObject({ error: { code: 'invalid-input', kind: 'refused' } });
    for (const handler of Object.values(handlers)) expect(handler).not.toHaveBeenCalled();
  });

  it('pass on parsed input: with defaults, and nothing else', async () => {
    const { gate, handlers } = setUp();
    await gate(page, 'menu.set', {
      actions: [{ id: 'x', label: 'X', menu: 'run', accelerator: 'CommandOrControl+Shift+P', extra: 1 }],
    });
    const actions = [{ id: 'x', label: 'X', menu: 'run', accelerator: 'CommandOrControl+Shift+P', enabled: true }];
    expect(handlers['menu.set']).toHaveBeenCalledExactlyOnceWith({ actions }, page);
  });

  it('return a failure as a value, with its code and remedy', async () => {
    const { gate } = setUp();
    expect(await gate(page, 'theme.set', { theme: 'dark' })).toEqual({
      error: { code: 'no-theme', kind: 'refused', message: 'There is no theme.', remedy: 'Do without.' },
    });
  });
});
