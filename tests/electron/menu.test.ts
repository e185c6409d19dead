import { expect, it, vi } from 'vitest';
import { menuTemplate } from '../../electron/menu.ts';
import type { MenuAction } from '../../main/contract/shell.ts';

const actions: readonly MenuAction[] = [
  { id: 'open-model', label: 'Open model…', menu: 'file', accelerator: 'CommandOrControl+O', enabled: true },
  { id: 'start-sweep', label: 'Run sweep', menu: 'run', enabled: false },
];
const settings = { platform: 'linux', development: false, choose: () => undefined };

const itemsOf = (label: string, platform = 'linux', development = false) => {
  const menu = menuTemplate(actions, { ...settings, platform, development }).find((item) => item.label === label);
  return Array.isArray(menu?.submenu) ? menu.submenu : [];
};

it('shows the page’s actions in their menus, unchanged', () => {
  expect(itemsOf('&File')[0]).toMatchObject({
    id: 'open-model',
    label: 'Open model…',
    accelerator: 'CommandOrControl+O',
    enabled: true,
  });
  expect(itemsOf('&File').map(({ role, type, id }) => role ?? type ?? id)).toEqual(['open-model', 'separator', 'quit']);
  expect(itemsOf('&Run')).toMatchObject([{ id: 'start-sweep', enabled: false }]);
});

it('reports the id of the chosen action', () => {
  const choose = vi.fn();
  const file = menuTemplate(actions, { ...settings, choose }).find((item) => item.label === '&File');
  const [first] = Array.isArray(file?.submenu) ? file.submenu : [];
  Reflect.apply(first?.click ?? (() => undefined), undefined, []);
  expect(choose).toHaveBeenCalledExactlyOnceWith('open-model');
});

it('has no empty menu, and opens developer tools in development only', () => {
  const labels = menuTemplate([], settings).map(({ label, role }) => label ?? role);
  expect(labels).toEqual(['&File', '&Edit', '&View', 'windowMenu', '&Help']);
  const roles = (development: boolean) => itemsOf('&View', 'linux', development).map(({ role }) => role);
  expect(roles(false)).not.toContain('toggleDevTools');
  expect(roles(false)).not.toContain('reload');
  expect(roles(true)).toContain('toggleDevTools');
});

it('follows macOS where it differs', () => {
  expect(menuTemplate(actions, { ...settings, platform: 'darwin' })[0]).toEqual({ role: 'appMenu' });
  expect(itemsOf('&File', 'darwin').at(-1)).toEqual({ role: 'close' });
});

it('names no two items of Edit alike: the page’s Undo is about the plan, the system’s about typing', () => {
  const own = ['Undo', 'Redo'].map((label): MenuAction => ({
    id: label,
    label,
    menu: 'edit',
    enabled: true,
  }));
  const edit = menuTemplate(own, settings).find((item) => item.label === '&Edit');
  const items = Array.isArray(edit?.submenu) ? edit.submenu : [];
  const names = items.flatMap(({ label, role }) => label ?? role ?? []).map((name) => name.toLowerCase());
  expect(names).toEqual(['undo', 'redo', 'undo typing', 'redo typing', 'cut', 'copy', 'paste', 'selectall']);
});
