import { useEffect, useLayoutEffect, useRef } from 'react';
import { createPortal } from 'react-dom';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { useTopDialog } from './dialog.tsx';
import { type MenuItem, MenuItems, menuPlace, walkMenu } from './row-menu.tsx';
import { openPopover } from './tooltip.tsx';

interface OpenMenu {
  /** The subject of the commands. */
  readonly label: string;
  readonly items: readonly MenuItem[];
  /** Pixels from the top left of the window. */
  readonly at: { readonly x: number; readonly y: number };
}

/** The menu that a right click, the menu key or Shift+F10 opened; null: none. */
const contextMenuStore = createStore<{ readonly menu: OpenMenu | null }>()(() => ({ menu: null }));

/** Opens a menu in place of the browser's own. Without commands, the browser's own menu opens. */
export const openContextMenu = (event: React.MouseEvent, label: string, items: readonly MenuItem[]): void => {
  if (items.length === 0) return;
  event.preventDefault();
  event.stopPropagation();
  contextMenuStore.setState({ menu: { label, items, at: { x: event.clientX, y: event.clientY } } });
};

/** The open menu of commands for what lies under the pointer. */
export const ContextMenu = () => {
  const { menu } = useStore(contextMenuStore);
  const dialog = useTopDialog();
  // The menu belongs to what it was opened over.
  useEffect(() => () => contextMenuStore.setState({ menu: null }), [dialog]);
  if (menu === null) return null;
  const opened = <Opened key={menu.label} menu={menu} />;
  return dialog === null ? opened : createPortal(opened, dialog);
};

const close = (): void => contextMenuStore.setState({ menu: null });

/**
 * Closes itself at a click outside: a popover that the browser closes (`auto`) may close with the click that opened it,
 * as in Chromium 114.
 */
const Opened = ({ menu }: { readonly menu: OpenMenu }) => {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return;
    const before = document.activeElement;
    openPopover(element);
    walkMenu(element, 1);
    const closeOutside = ({ target }: Event): void => {
      if (!(target instanceof Node && element.contains(target))) close();
    };
    document.addEventListener('pointerdown', closeOutside, true);
    window.addEventListener('blur', close);
    return () => {
      document.removeEventListener('pointerdown', closeOutside, true);
      window.removeEventListener('blur', close);
      // A command may have moved the focus, to a dialog for instance.
      const isLeft = element.contains(document.activeElement) || document.activeElement === document.body;
      if (isLeft && before instanceof HTMLElement) before.focus();
    };
  }, []);
  const { left, top } = menuPlace({ left: menu.at.x, top: menu.at.y, bottom: menu.at.y }, menu.items.length);
  return (
    <div
      ref={list}
      className="row-menu"
      role="menu"
      aria-label={menu.label}
      popover="manual"
      style={{ left, top }}
      onToggle={({ newState }) => {
        // A chosen command hides the menu; by then another one may be open.
        if (newState === 'closed' && contextMenuStore.getState().menu === menu) close();
      }}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' && event.key !== 'Tab') return;
        event.preventDefault();
        event.stopPropagation();
        close();
      }}
    >
      <MenuItems list={list} items={menu.items} placeOf={() => null} />
    </div>
  );
};
