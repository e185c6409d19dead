import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Icon } from './button.tsx';
import './menu.css';

interface PopPanelProps {
  readonly label: ReactNode;
  /** Accessible name of the panel, and of the button if it says something else. */
  readonly name: string;
  readonly title?: string;
  readonly children: ReactNode;
}

/** A button that opens a small panel of settings below it; Escape and a press elsewhere close it. */
export const PopPanel = ({ label, name, title, children }: PopPanelProps) => {
  const [open, setOpen] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  // A view that is shown again has no open panels.
  useEffect(() => () => setOpen(false), []);
  useEffect(() => {
    if (!open) return undefined;
    const onPointer = (event: PointerEvent): void => {
      if (event.target instanceof Node && frame.current?.contains(event.target) !== true) setOpen(false);
    };
    // Also where the focus is on nothing, since the control that had it is gone ("Reset").
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') setOpen(false);
    };
    window.addEventListener('pointerdown', onPointer);
    window.addEventListener('keydown', onKey);
    return () => {
      window.removeEventListener('pointerdown', onPointer);
      window.removeEventListener('keydown', onKey);
    };
  }, [open]);
  return (
    <div
      className="menu"
      ref={frame}
      onKeyDown={(event) => {
        if (!open || event.key !== 'Escape') return;
        event.preventDefault();
        event.stopPropagation();
        setOpen(false);
        frame.current?.querySelector('button')?.focus();
      }}
    >
      <button
        type="button"
        className="button button-plain button-small pop-button"
        aria-expanded={open}
        title={title}
        onClick={() => setOpen(!open)}
      >
        {label} <Icon name="chevronDown" size={10} />
      </button>
      {open && (
        <div className="pop-panel" role="group" aria-label={name}>
          {children}
        </div>
      )}
    </div>
  );
};
