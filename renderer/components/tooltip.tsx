import { type ReactNode, useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import { createPortal } from 'react-dom';

/** Distance to the word and to the window's edge. */
const GAP_PX = 6;
const EDGE_PX = 8;

/** Shows a popover. Does nothing once its element has left the page, where the browser would throw. */
export const openPopover = (element: HTMLElement): void => {
  if (element.isConnected && !element.matches(':popover-open')) element.showPopover();
};

/** Position of a box: below the anchor, or above it if there is no room below; always inside the window. */
export const placeBelow = (
  anchor: { readonly left: number; readonly top: number; readonly bottom: number },
  box: { readonly width: number; readonly height: number },
  room = { width: window.innerWidth, height: window.innerHeight },
): { readonly left: number; readonly top: number } => {
  const left = Math.max(EDGE_PX, Math.min(anchor.left, room.width - box.width - EDGE_PX));
  const below = anchor.bottom + GAP_PX;
  const top = below + box.height + EDGE_PX <= room.height ? below : Math.max(EDGE_PX, anchor.top - GAP_PX - box.height);
  return { left, top };
};

/** A title and lines below it, as the content of a tooltip. */
export const TipText = ({ title, lines }: { readonly title: string; readonly lines: readonly string[] }) => (
  <>
    <strong>{title}</strong>
    {lines.map((line) => (
      <div key={line}>{line}</div>
    ))}
  </>
);

interface TooltipProps {
  /** The explained element; gets the keyboard focus. */
  readonly children: ReactNode;
  readonly content: ReactNode;
  readonly className?: string;
  /** False if the child is focusable itself. */
  readonly focusable?: boolean;
}

/** Keys during which a tip stays. */
const STAYING_KEYS: ReadonlySet<string> = new Set(['Tab', 'Shift', 'Control', 'Alt', 'Meta']);

/** Text that appears on hover and keyboard focus, and disappears with a key. */
export const Tooltip = ({ children, content, className = '', focusable = true }: TooltipProps) => {
  const id = useId();
  const anchor = useRef<HTMLSpanElement>(null);
  const box = useRef<HTMLDivElement>(null);
  /** Element to render into; null while hidden. A modal dialog would cover a tooltip outside of it. */
  const [host, setHost] = useState<Element | null>(null);
  const open = host !== null;
  const [position, setPosition] = useState({ left: 0, top: 0 });
  const show = useCallback(
    () => setHost(anchor.current?.closest('dialog') ?? document.querySelector('main') ?? document.body),
    [],
  );
  const hide = useCallback(() => setHost(null), []);
  // A view that is hidden takes its tip with it.
  useEffect(() => hide, [hide]);

  useLayoutEffect(() => {
    if (!open || anchor.current === null || box.current === null) return;
    // In the top layer nothing cuts it off.
    openPopover(box.current);
    setPosition(placeBelow(anchor.current.getBoundingClientRect(), box.current.getBoundingClientRect()));
  }, [open, content]);

  useEffect(() => {
    if (!open) return;
    const onKey = (event: KeyboardEvent): void => {
      // Tab moves the focus, which shows the next one.
      if (!STAYING_KEYS.has(event.key)) hide();
    };
    window.addEventListener('keydown', onKey);
    window.addEventListener('scroll', hide, true);
    // Its word may have moved, or left the window.
    window.addEventListener('resize', hide);
    return () => {
      window.removeEventListener('keydown', onKey);
      window.removeEventListener('scroll', hide, true);
      window.removeEventListener('resize', hide);
    };
  }, [open, hide]);

  return (
    <>
      <span
        ref={anchor}
        className={className}
        tabIndex={focusable ? 0 : undefined}
        aria-describedby={open ? id : undefined}
        onMouseEnter={show}
        onMouseLeave={hide}
        onFocus={show}
        onBlur={hide}
      >
        {children}
      </span>
      {host !== null &&
        createPortal(
          <div ref={box} id={id} role="tooltip" popover="manual" className="tooltip" style={position}>
            {content}
          </div>,
          host,
        )}
    </>
  );
};
