import type { KeyboardEventHandler, ReactNode, RefObject } from 'react';
import { Fragment, useCallback, useLayoutEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';

/** Rows rendered beyond the edges, so that scrolling and keyboard moves find them ready. */
const BEYOND = 8;

interface WindowedListProps<T> {
  readonly label: string;
  readonly items: readonly T[];
  /** Height of every row in pixels. */
  readonly rowHeight: number;
  readonly keyOf: (item: T) => string;
  /** Renders a row's <li>; the position is for screen readers, since most rows are not rendered. */
  readonly children: (item: T, position: RowPosition) => ReactNode;
  readonly onKeyDown?: KeyboardEventHandler<HTMLUListElement>;
}

export interface RowPosition {
  readonly 'aria-setsize': number;
  readonly 'aria-posinset': number;
  readonly style: { readonly height: number };
}

interface Window {
  readonly first: number;
  readonly end: number;
}

/** Range of rows near the visible part (`top` and `height` in pixels). */
export const visibleRows = (count: number, rowHeight: number, top: number, height: number): Window => {
  const last = Math.max(0, count - 1);
  const first = Math.min(last, Math.max(0, Math.floor(top / rowHeight) - BEYOND));
  return { first: count === 0 ? 0 : first, end: Math.min(count, Math.ceil((top + height) / rowHeight) + BEYOND) };
};

/** The rows of a scrolling frame that are to be rendered, on paper all; `look` is called when the frame is scrolled. */
export const useVisibleRows = (
  count: number,
  rowHeight: number,
): Window & { readonly frame: RefObject<HTMLDivElement | null>; readonly look: () => void } => {
  const frame = useRef<HTMLDivElement>(null);
  const [{ first, end }, setWindow] = useState<Window>({ first: 0, end: BEYOND });
  const look = useCallback((): void => {
    const element = frame.current;
    if (element === null) return;
    const next = window.matchMedia('print').matches
      ? { first: 0, end: count }
      : visibleRows(count, rowHeight, element.scrollTop, element.clientHeight);
    setWindow((known) => (known.first === next.first && known.end === next.end ? known : next));
  }, [count, rowHeight]);
  useLayoutEffect(() => {
    // Told once at the start, after the page is laid out and before it is painted: to measure earlier would lay it out
    // once more.
    const lookNow = (): void => flushSync(look);
    const observer = new ResizeObserver(lookNow);
    if (frame.current !== null) observer.observe(frame.current);
    const paper = window.matchMedia('print');
    paper.addEventListener('change', lookNow);
    return () => {
      observer.disconnect();
      paper.removeEventListener('change', lookNow);
    };
  }, [look]);
  return { frame, first: Math.min(first, count), end: Math.min(end, count), look };
};

/** A scrolling list that renders only the rows near the visible part. */
export const WindowedList = <T,>({ label, items, rowHeight, keyOf, children, onKeyDown }: WindowedListProps<T>) => {
  const count = items.length;
  const { frame, first, end, look } = useVisibleRows(count, rowHeight);
  return (
    <div className="windowed" ref={frame} onScroll={look}>
      <ul
        className="rows"
        aria-label={label}
        onKeyDown={onKeyDown}
        style={{ paddingTop: first * rowHeight, paddingBottom: Math.max(0, count - end) * rowHeight }}
      >
        {items.slice(first, end).map((item, index) => (
          <Fragment key={keyOf(item)}>
            {children(item, {
              'aria-setsize': count,
              'aria-posinset': first + index + 1,
              style: { height: rowHeight },
            })}
          </Fragment>
        ))}
      </ul>
    </div>
  );
};
