import { useId, useLayoutEffect, useRef, useSyncExternalStore } from 'react';
import type { ReactNode } from 'react';
import { IconButton } from './button.tsx';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly wide?: boolean;
  /** Shown at the right edge, at full height. */
  readonly drawer?: boolean;
  /** Fills the window. */
  readonly full?: boolean;
}

/** Open dialogs, the topmost last. */
let openDialogs: readonly HTMLElement[] = [];
const dialogListeners = new Set<() => void>();

const setOpenDialogs = (dialogs: readonly HTMLElement[]): void => {
  openDialogs = dialogs;
  for (const listener of [...dialogListeners]) listener();
};

const listenToDialogs = (listener: () => void): (() => void) => {
  dialogListeners.add(listener);
  return () => dialogListeners.delete(listener);
};

/** The topmost open dialog, or null: all that lies outside of it can neither be clicked nor read aloud. */
export const useTopDialog = (): HTMLElement | null =>
  useSyncExternalStore(listenToDialogs, () => openDialogs.at(-1) ?? null);

/** A modal dialog: traps the focus, closes with Escape and on a click outside. */
export const Dialog = ({ title, onClose, children, wide = false, drawer = false, full = false }: DialogProps) => {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const pressed = useRef<EventTarget | null>(null);
  // Before the dialog leaves the page, closing it returns the focus to where it was.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) {
      element.showModal();
      // showModal() focuses the first button; prefer the marked element.
      element.querySelector<HTMLElement>('[data-autofocus]')?.focus();
    }
    if (element !== null) setOpenDialogs([...openDialogs, element]);
    return () => {
      element?.close();
      setOpenDialogs(openDialogs.filter((known) => known !== element));
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`dialog${wide ? ' dialog-wide' : ''}${drawer ? ' dialog-drawer' : ''}${full ? ' dialog-full' : ''}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => {
        pressed.current = event.target;
      }}
      onClick={(event) => {
        // A text selection that ends outside the dialog is not a click outside.
        if (event.target === dialog.current && pressed.current === dialog.current) onClose();
      }}
    >
      <div className="dialog-frame">
        <header className="dialog-head">
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label="Close" onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
};
