import { type RefObject, useEffect, useRef } from 'react';

/** Keeps a row that is in view there while its list (`.rows-scrolled`) gets lower; returns what ends that. */
const keepInView = (row: HTMLElement): (() => void) => {
  const list = row.closest('.rows-scrolled');
  if (list === null) return () => undefined;
  let height = list.clientHeight;
  const observer = new ResizeObserver(() => {
    const before = height;
    height = list.clientHeight;
    const [{ top, bottom }, start] = [row.getBoundingClientRect(), list.getBoundingClientRect().top];
    // A row that was scrolled away stays away. Heights are whole pixels, edges are not.
    if (height < before && top > start - 1 && bottom < start + before + 1) row.scrollIntoView({ block: 'nearest' });
  });
  observer.observe(list);
  return () => observer.disconnect();
};

/**
 * Scrolls an element into view when `key` becomes non-null, and again when it changes: in the next frame, since to
 * measure earlier would lay out the page once more. A row stays in view while its list gets lower.
 */
export const useInView = <E extends HTMLElement>(key: string | null): RefObject<E | null> => {
  const element = useRef<E>(null);
  useEffect(() => {
    if (key === null) return undefined;
    let stop = (): void => undefined;
    const frame = requestAnimationFrame(() => {
      if (element.current === null) return;
      element.current.scrollIntoView({ block: 'nearest' });
      stop = keepInView(element.current);
    });
    return () => {
      cancelAnimationFrame(frame);
      stop();
    };
  }, [key]);
  return element;
};
