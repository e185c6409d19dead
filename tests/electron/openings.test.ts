import { resolve } from 'node:path';
import { expect, it, vi } from 'vitest';
import { createOpenings, openingOfLink, openingOf } from '../../electron/openings.ts';
import { ENGINE_STOPPED } from '../../electron/engine-process.ts';
import { refuse } from '../../main/contract/errors.ts';
import { pathHandle, type PathHandle } from '../../main/contract/model.ts';
import type { ShellEvent } from '../../main/contract/shell.ts';

const linkTo = (fragment: string) => ({ kind: 'link', fragment });

it('a link opens what an address of the page can describe', () => {
  expect(openingOfLink('uncurl://app/#view=workbench&model=uncurl-16&task=sort&tasks=sort,add&factor=4')).toEqual(
    linkTo('view=workbench&model=uncurl-16&task=sort&tasks=sort%2Cadd&factor=4'),
  );
  expect(openingOfLink('uncurl://app#run=sweep-20260101-120000-ab12')).toEqual(
    linkTo('run=sweep-20260101-120000-ab12'),
  );
});

it.each([
  'uncurl://app/',
  'uncurl://other/#view=workbench',
  'uncurl://app/index.html#view=workbench',
  'uncurl://app/?x=1#view=workbench',
  'uncurl://me@app/#view=workbench',
  'uncurl://app/#model=/etc/passwd',
  'uncurl://app/#model=..%2Fx',
  'uncurl://app/#model=C:%5Cx',
  'uncurl://app/#workspace=x',
  'uncurl://app/#view=a%00b',
  `uncurl://app/#run=${'a'.repeat(20_000)}`,
  'https://app/#view=workbench',
  'file:///#view=workbench',
  'uncurl',
])('%s opens nothing', (address) => {
  expect(openingOfLink(address)).toBeNull();
});

it('a start opens the last link or run file among its arguments, and no other file', () => {
  const link = 'uncurl://app/#view=compare';
  expect(openingOf(['workbench', '--workspace=/w', link], '/home/me')).toEqual(linkTo('view=compare'));
  expect(openingOf(['electron', '.', 'runs/sweep-1/open.uncurl-run'], '/home/me')).toEqual({
    kind: 'file',
    path: resolve('/home/me', 'runs/sweep-1/open.uncurl-run'),
  });
  expect(openingOf(['workbench', '/etc/passwd', 'a.json'], '/')).toBeNull();
  // A link from a web page is never treated as a file or an option.
  expect(openingOf(['workbench', '--', 'uncurl://app/../../a.uncurl-run'], '/')).toBeNull();
  expect(openingOf(['workbench', '--x=/a.uncurl-run'], '/')).toBeNull();
  expect(openingOf(['a.uncurl-run'], '/')).toBeNull();
});

it('opened links and files wait for a listening page, and are then delivered at once', async () => {
  const tell = vi.fn<(event: ShellEvent) => void>();
  const openings = createOpenings((path) => Promise.resolve(pathHandle.parse(`handle of ${path}`)), tell);
  await openings.open({ kind: 'link', fragment: 'view=compare' });
  await openings.open({ kind: 'file', path: '/w/runs/r/open.uncurl-run' });
  expect(tell).not.toHaveBeenCalled();
  expect(openings.listening()).toEqual([
    { type: 'link', fragment: 'view=compare' },
    { type: 'opened', handle: 'handle of /w/runs/r/open.uncurl-run' },
  ]);
  expect(openings.listening()).toEqual([]);
  await openings.open({ kind: 'link', fragment: 'view=thresholds' });
  expect(tell).toHaveBeenCalledExactlyOnceWith({ type: 'link', fragment: 'view=thresholds' });
  openings.left();
  await openings.open({ kind: 'link', fragment: 'factor=4' });
  expect(tell).toHaveBeenCalledTimes(1);
  expect(openings.listening()).toEqual([{ type: 'link', fragment: 'factor=4' }]);
});

it('a file opened without a running engine is delivered to the next engine; other failures are reported', async () => {
  const tell = vi.fn<(event: ShellEvent) => void>();
  let answer = (): Promise<PathHandle> => Promise.reject(refuse(ENGINE_STOPPED, 'The engine is not running.', ''));
  const openings = createOpenings(() => answer(), tell);
  openings.listening();
  await openings.open({ kind: 'file', path: '/w/runs/r/open.uncurl-run' });
  await openings.open({ kind: 'link', fragment: 'factor=4' });
  expect(tell).toHaveBeenCalledExactlyOnceWith({ type: 'link', fragment: 'factor=4' });
  answer = () => Promise.resolve(pathHandle.parse('handle'));
  await openings.restarted();
  await openings.restarted();
  expect(tell.mock.calls.slice(1)).toEqual([[{ type: 'opened', handle: 'handle' }]]);
  answer = () => Promise.reject(new Error('odd'));
  await expect(openings.open({ kind: 'file', path: '/x.uncurl-run' })).rejects.toThrow('odd');
});
