import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { profileFolder, readLaunch } from '../../electron/openings.ts';

it.each([
  [['electron', '.'], null],
  [['electron', '--workspace=runs', '.'], '/home/me/runs'],
  [['electron', '.', '--workspace', '/data/ws'], '/data/ws'],
  [['electron', '--workspace=a=b', '.'], '/home/me/a=b'],
  [['electron', '--workspace=', '.'], null],
  [['electron', '.', '--workspace'], null],
  [['electron', '.', '--workspaces=/x'], null],
])('%j names workspace %s', (argv, workspace) => {
  expect(readLaunch(argv, '/home/me', false).workspace).toBe(workspace === null ? null : resolve(workspace));
});

it('names a device as typed', () => {
  expect(readLaunch(['electron', '.', '--device', 'webgpu'], '/', false).device).toBe('webgpu');
  expect(readLaunch(['electron', '.', '--device=cuda', '--device=cpu'], '/', false).device).toBe('cpu');
  expect(readLaunch(['electron', '.'], '/', false).device).toBeNull();
});

it('has no development mode in a package', () => {
  expect(readLaunch(['electron', '.', '--development'], '/', false).development).toBe(true);
  expect(readLaunch(['workbench', '--development'], '/', true).development).toBe(false);
  expect(readLaunch(['electron', '.'], '/', false).development).toBe(false);
});

it('keeps the window’s data of two workspaces separate, and outside both', () => {
  const [first, second] = ['/data/a', '/data/b'].map((workspace) => profileFolder('/config/app', workspace));
  expect(first).not.toBe(second);
  expect(first?.startsWith(join('/config/app', 'workspaces'))).toBe(true);
  expect(profileFolder('/config/app', '/data/a')).toBe(first);
  expect(profileFolder('/config/app', null)).toBe('/config/app');
});
