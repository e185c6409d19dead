import { useEffect, useRef, useState } from 'react';
import { Button } from './button.tsx';
import type { IconName } from './button.tsx';
import './menu.css';

interface MenuProps {
  readonly label: string;
  readonly icon: IconName;
  readonly items: readonly { readonly label: string; readonly onChoose: () => void }[];
  readonly disabled?: boolean;
}

/** A button that opens a short list of commands; arrow keys move within it, Escape closes it. */
export const Menu = ({ label, icon, items, disabled = false }: MenuProps) => {
  const [open, setOpen] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  // A view that is shown again has no open menus.
  useEffect(() => () => setOpen(false), []);
  useEffect(() => {
    if (!open) return;
    const first = list.current?.firstElementChild;
    if (first instanceof HTMLElement) first.focus();
    const onPointer = (event: PointerEvent): void => {
      if (event.target instanceof Node && frame.current?.contains(event.target) !== true) setOpen(false);
    };
    // The focus may have left with the button, where a narrower window does not show it.
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && document.activeElement === document.body) setOpen(false);
    };
    window.addEventListener('pointerdown', onPointer);
    window.addEventListener('keydown', onKey);
    return () => {
      window.removeEventListener('pointerdown', onPointer);
      window.removeEventListener('keydown', onKey);
    };
  }, [open]);
  /** Closes the menu and returns the focus to its button. */
  const close = (): void => {
    setOpen(false);
    frame.current?.querySelector('button')?.focus();
  };
  const move = (step: number): void => {
    const buttons = [...(list.current?.children ?? [])].filter((element) => element instanceof HTMLElement);
    const current = buttons.findIndex((button) => button === document.activeElement);
    buttons[(current + step + buttons.length) % buttons.length]?.focus();
  };
  return (
    <div
      className="menu"
      ref={frame}
      onKeyDown={(event) => {
        if (!open) return;
        if (event.key === 'Escape') close();
        else if (event.key === 'ArrowDown') move(1);
        else if (event.key === 'ArrowUp') move(-1);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
      onBlur={(event) => {
        if (event.relatedTarget instanceof Node && !event.currentTarget.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <Button
        look="quiet"
        small
        icon={icon}
        aria-haspopup="menu"
        aria-expanded={open}
        disabled={disabled}
        onClick={() => setOpen(!open)}
      >
        {label}
      </Button>
      {open && (
        <div className="menu-list" role="menu" aria-label={label} ref={list}>
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => {
                close();
                item.onChoose();
              }}
            >
              {item.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
};
