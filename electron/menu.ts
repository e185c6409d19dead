import type { MenuItemConstructorOptions } from 'electron';
import type { MenuAction } from '../main/contract/shell.ts';

export interface MenuSettings {
  readonly platform: string;
  readonly development: boolean;
  /** Called with the id of the chosen action of the page. */
  readonly choose: (id: string) => void;
}

const separator: MenuItemConstructorOptions = { type: 'separator' };

/** The page's items of a menu, then the shell's, with a separator between them. */
const joined = (
  page: readonly MenuItemConstructorOptions[],
  windowItems: readonly MenuItemConstructorOptions[],
): MenuItemConstructorOptions[] =>
  page.length > 0 && windowItems.length > 0 ? [...page, separator, ...windowItems] : [...page, ...windowItems];

/** The application menu: the page's actions in their menus, and the standard roles of the system. */
export const menuTemplate = (actions: readonly MenuAction[], settings: MenuSettings): MenuItemConstructorOptions[] => {
  const mac = settings.platform === 'darwin';
  const of = (menu: MenuAction['menu']): MenuItemConstructorOptions[] =>
    actions
      .filter((action) => action.menu === menu)
      .map(({ id, label, enabled, accelerator }) => ({
        id,
        label,
        enabled,
        ...(accelerator === undefined ? {} : { accelerator }),
        click: () => settings.choose(id),
      }));
  const view: MenuItemConstructorOptions[] = [
    { role: 'resetZoom' },
    { role: 'zoomIn' },
    { role: 'zoomOut' },
    separator,
    { role: 'togglefullscreen' },
    ...(settings.development ? [separator, { role: 'reload' as const }, { role: 'toggleDevTools' as const }] : []),
  ];
  const edit: MenuItemConstructorOptions[] = [
    // The page's own Undo and Redo are about the plan; these are about the text field with the cursor.
    { role: 'undo', label: 'Undo Typing' },
    { role: 'redo', label: 'Redo Typing' },
    separator,
    { role: 'cut' },
    { role: 'copy' },
    { role: 'paste' },
    { role: 'selectAll' },
  ];
  const menus: MenuItemConstructorOptions[] = [
    ...(mac ? [{ role: 'appMenu' as const }] : []),
    { label: '&File', submenu: joined(of('file'), [{ role: mac ? 'close' : 'quit' }]) },
    { label: '&Edit', submenu: joined(of('edit'), edit) },
    { label: '&View', submenu: joined(of('view'), view) },
    { label: '&Run', submenu: of('run') },
    { role: 'windowMenu' },
    { label: '&Help', role: 'help', submenu: joined(of('help'), mac ? [] : [{ role: 'about' }]) },
  ];
  return menus.filter(({ submenu }) => submenu === undefined || (Array.isArray(submenu) && submenu.length > 0));
};
