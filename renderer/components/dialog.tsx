import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
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
const openDialogs = createStore<{ readonly dialogs: readonly HTMLElement[] }>()(() => ({ dialogs: [] }));

/** The topmost open dialog, or null: all that lies outside of it can neither be clicked nor read aloud. */
export const useTopDialog = (): HTMLElement | null => useStore(openDialogs, ({ dialogs }) => dialogs.at(-1) ?? null);

/** Fields, not buttons: Enter, held a little too long, must not start anything. */
const FIELDS = ['input', 'select', 'textarea', '[role="radio"]', '[role="option"]']
  .map((field) => `.dialog-frame > :not(.dialog-head) ${field}:not(:disabled, [readonly], [tabindex="-1"])`)
  .join();

/** Where the work in a dialog begins: its marked element, else its first field that is seen without scrolling. */
const beginning = (dialog: HTMLElement): HTMLElement | undefined => {
  const marked = dialog.querySelector<HTMLElement>('[data-autofocus]');
  if (marked !== null) return marked;
  const { bottom } = dialog.getBoundingClientRect();
  return [...dialog.querySelectorAll<HTMLElement>(FIELDS)].find(
    (field) => field.checkVisibility() && field.getBoundingClientRect().bottom <= bottom,
  );
};

/**
 * Moves the focus from the button that closes a dialog, where a browser puts it, to the dialog's beginning; for what is
 * still being read, once it is there, unless the user was faster.
 */
const focusBeginning = (dialog: HTMLDialogElement): (() => void) => {
  const first = document.activeElement;
  const move = (): boolean => {
    if (document.activeElement !== first) return true;
    const field = beginning(dialog);
    field?.focus();
    return field !== undefined;
  };
  if (move()) return () => undefined;
  const waiting = new MutationObserver(() => {
    if (move()) waiting.disconnect();
  });
  const stop = (): void => waiting.disconnect();
  waiting.observe(dialog, { childList: true, subtree: true });
  for (const event of ['keydown', 'pointerdown']) dialog.addEventListener(event, stop, { once: true });
  return stop;
};

/** A modal dialog: traps the focus, closes with Escape and on a click outside. */
export const Dialog = ({ title, onClose, children, wide = false, drawer = false, full = false }: DialogProps) => {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const pressed = useRef<EventTarget | null>(null);
  // Before the dialog leaves the page, closing it returns the focus to where it was.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element === null) return undefined;
    if (!element.open) element.showModal();
    const stop = focusBeginning(element);
    openDialogs.setState(({ dialogs }) => ({ dialogs: [...dialogs, element] }));
    return () => {
      stop();
      element.close();
      openDialogs.setState(({ dialogs }) => ({ dialogs: dialogs.filter((known) => known !== element) }));
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
