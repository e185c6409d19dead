import { useEffect, useLayoutEffect, useRef } from 'react';
import { createPortal } from 'react-dom';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { useTopDialog } from './dialog.tsx';
import { type MenuItem, MenuItems, menuPlace, walkMenu } from './row-menu.tsx';

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

const Opened = ({ menu }: { readonly menu: OpenMenu }) => {
  const list = useRef<HTMLDivElement>(null);
  const before = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return;
    before.current ??= document.activeElement;
    element.showPopover();
    walkMenu(element, 1);
  }, []);
  const { left, top } = menuPlace({ left: menu.at.x, top: menu.at.y, bottom: menu.at.y }, menu.items.length);
  return (
    <div
      ref={list}
      className="row-menu"
      role="menu"
      aria-label={menu.label}
      popover="auto"
      style={{ left, top }}
      onToggle={(event) => {
        if (event.newState !== 'closed') return;
        contextMenuStore.setState({ menu: null });
        if (before.current instanceof HTMLElement) before.current.focus();
      }}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        list.current?.hidePopover();
      }}
    >
      <MenuItems list={list} items={menu.items} />
    </div>
  );
};
