import { type ReactNode, type RefObject, useId, useRef } from 'react';
import { Button, IconButton, type IconName } from './button.tsx';
import './menu.css';

export interface MenuItem {
  readonly label: string;
  /** `place`: the button that opened the menu, for what the command shows beside it. */
  readonly onChoose: (place: Element | null) => void;
  readonly disabled?: boolean;
}

const GAP_PX = 4;
/** Heights of a line and of the frame: the menu is positioned before it is rendered. */
const LINE_PX = 29;
const FRAME_PX = 10;
const WIDTH_PX = 236;

/** The place of a menu of `count` lines below its origin, or above it where there is no room; within the window. */
export const menuPlace = (
  from: { readonly left: number; readonly top: number; readonly bottom: number },
  count: number,
  width = WIDTH_PX,
): { readonly left: number; readonly top: number } => {
  const height = count * LINE_PX + FRAME_PX;
  const below = from.bottom + GAP_PX;
  return {
    left: Math.max(GAP_PX, Math.min(from.left, window.innerWidth - width - GAP_PX)),
    top: below + height > window.innerHeight ? Math.max(GAP_PX, from.top - GAP_PX - height) : below,
  };
};

/** Moves the focus among the commands of a menu. */
export const walkMenu = (list: HTMLElement | null, step: number): void => {
  const buttons = [...(list?.querySelectorAll('button:not(:disabled)') ?? [])].filter(
    (element) => element instanceof HTMLElement,
  );
  const current = buttons.findIndex((element) => element === document.activeElement);
  buttons[(current + step + buttons.length) % buttons.length]?.focus();
};

/** The commands within a menu; arrow keys move between them. */
export const MenuItems = ({
  list,
  items,
  placeOf,
}: {
  readonly list: RefObject<HTMLDivElement | null>;
  readonly items: readonly MenuItem[];
  readonly placeOf: () => Element | null;
}) =>
  items.map((item) => (
    <button
      key={item.label}
      type="button"
      role="menuitem"
      tabIndex={-1}
      disabled={item.disabled}
      onKeyDown={(event) => {
        const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
        if (step === 0) return;
        event.preventDefault();
        event.stopPropagation();
        walkMenu(list.current, step);
      }}
      onClick={() => {
        list.current?.hidePopover();
        item.onChoose(placeOf());
      }}
    >
      {item.label}
    </button>
  ));

interface PopMenuProps {
  readonly label: string;
  readonly items: readonly MenuItem[];
  /** In pixels; by default that of sentences. */
  readonly width?: number;
  /** The button that opens the menu: its attributes. */
  readonly children: (opens: { readonly 'aria-haspopup': 'menu'; readonly popoverTarget: string }) => ReactNode;
}

/**
 * Commands behind a button. Uses the top layer, so that nothing clips it. Escape or a click outside closes it; arrow
 * keys move within it.
 */
const PopMenu = ({ label, items, width, children }: PopMenuProps) => {
  const id = useId();
  const button = useRef<HTMLSpanElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const position = (): void => {
    const from = button.current?.getBoundingClientRect();
    const element = list.current;
    if (from === undefined || element === null) return;
    const { left, top } = menuPlace(from, items.length, width);
    element.style.top = `${top}px`;
    element.style.left = `${left}px`;
  };
  return (
    <>
      <span ref={button}>{children({ 'aria-haspopup': 'menu', popoverTarget: id })}</span>
      <div
        id={id}
        ref={list}
        className="row-menu"
        role="menu"
        aria-label={label}
        popover="auto"
        style={{ width }}
        onBeforeToggle={(event) => {
          if (event.newState === 'open') position();
        }}
        onToggle={(event) => {
          if (event.newState === 'open') walkMenu(list.current, 1);
        }}
        onKeyDown={(event) => event.stopPropagation()}
      >
        <MenuItems list={list} items={items} placeOf={() => button.current?.firstElementChild ?? null} />
      </div>
    </>
  );
};

/** The commands of a list row, behind a button with three dots. */
export const RowMenu = ({ label, items }: Pick<PopMenuProps, 'label' | 'items'>) => (
  <PopMenu label={label} items={items}>
    {(opens) => <IconButton icon="more" label={label} {...opens} />}
  </PopMenu>
);

interface MenuProps extends Pick<PopMenuProps, 'label' | 'items'> {
  readonly icon: IconName;
  readonly disabled?: boolean;
}

const SHORT_PX = 140;

/** A named button that opens a few commands of a word or two. */
export const Menu = ({ label, icon, items, disabled = false }: MenuProps) => (
  <PopMenu label={label} items={items} width={SHORT_PX}>
    {(opens) => (
      <Button look="quiet" small icon={icon} disabled={disabled} {...opens}>
        {label}
      </Button>
    )}
  </PopMenu>
);
