import { useStore } from 'zustand';
import type { MenuAction } from '../../main/contract/shell.ts';
import { isMac, showShortcut } from '../actions/shortcut.ts';
import { Dialog } from '../components/dialog.tsx';
import { shortcutsStore } from '../state/dialog-stores.ts';
import { actions } from './views.tsx';

const MENUS: Readonly<Record<MenuAction['menu'], string>> = {
  file: 'File',
  edit: 'Edit',
  view: 'View',
  run: 'Run',
  help: 'Help',
};

/** Keys and gestures that belong to a part of the window and not to a command. */
const ELSEWHERE: readonly { readonly title: string; readonly keys: readonly (readonly [string, string])[] }[] = [
  {
    title: 'On the map',
    keys: [
      ['Arrows, Home, End', 'Go to another expert'],
      ['+, −, 0', 'Zoom in, zoom out, whole map'],
      ['Mod+Wheel', 'Zoom about the pointer'],
      ['Shift+Wheel, drag', 'Move a map that is zoomed in'],
    ],
  },
  {
    title: 'In charts, tables and lists',
    keys: [
      ['Arrows', 'Go to another point, row or run'],
      ['Enter', 'Open it'],
      ['Right click, Shift+F10', 'Commands of a cell, point, row or run'],
      ['Space', 'Choose a run, to compare'],
      ['F2, Delete', 'Rename a run, move it to the trash'],
      ['Left, Right', 'Hide or show the points of a run in Runs'],
    ],
  },
];

/** All keys of the window, by Shift+?. */
export const ShortcutsDialog = () => {
  const { open, show } = useStore(shortcutsStore);
  if (!open) return null;
  return (
    <Dialog title="Keyboard shortcuts" wide onClose={() => show(false)}>
      <ShortcutSheet />
    </Dialog>
  );
};

/** The keys of every command, from their list, and those of the parts of the window. */
export const ShortcutSheet = () => {
  const menus = Object.entries(MENUS).map(([menu, title]) => ({
    title,
    keys: actions.flatMap((action) =>
      action.menu === menu && action.shortcut !== undefined ? [[action.shortcut, action.label] as const] : [],
    ),
  }));
  return (
    <div className="shortcut-sheet" tabIndex={0} role="region" aria-label="Keys and gestures">
      {[...menus, ...ELSEWHERE].map(({ title, keys }) => (
        <section key={title} aria-label={title}>
          <h3>{title}</h3>
          <dl>
            {keys.map(([key, label]) => (
              <div key={label}>
                <dt>{label}</dt>
                <dd>
                  <kbd>{showShortcut(key, isMac)}</kbd>
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
};
