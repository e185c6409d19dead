import { expect, it, vi } from 'vitest';
import { type Caller, createDropGate } from '../../electron/ipc-gate.ts';
import { pathHandle } from '../../main/contract/model.ts';

const page: Caller = { senderFrame: { url: 'uncurl://app/', parent: null }, sender: { id: 1 } };
const setUp = () => {
  const grant = vi.fn((path: string) => Promise.resolve(pathHandle.parse(`handle of ${path}`)));
  return { grant, gate: createDropGate<Caller>((id) => id === 1, grant) };
};

it('grants dropped paths in order; items without a path get no handle', async () => {
  const { gate } = setUp();
  expect(await gate(page, ['/models/a', '', '/own.jsonl'])).toEqual({
    type: 'dropped',
    handles: ['handle of /models/a', null, 'handle of /own.jsonl'],
  });
});

it.each<[string, Caller, unknown]>([
  ['a frame within the page', { ...page, senderFrame: { url: 'uncurl://app/', parent: {} } }, ['/a']],
  ['another page', { ...page, senderFrame: { url: 'https://app/', parent: null } }, ['/a']],
  ['another window', { ...page, sender: { id: 2 } }, ['/a']],
  ['a relative path', page, ['../a']],
  ['what is no path', page, [1]],
  ['no list', page, '/a'],
  ['more than a hand drops', page, Array.from({ length: 33 }, () => '/a')],
])('grants nothing to %s', async (_who, caller, paths) => {
  const { gate, grant } = setUp();
  await expect(gate(caller, paths)).rejects.toThrow();
  expect(grant).not.toHaveBeenCalled();
});
