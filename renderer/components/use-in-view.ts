import { type RefObject, useEffect, useRef } from 'react';

/**
 * Scrolls an element into view when `key` becomes non-null, and again when it changes: in the next frame, since to
 * measure earlier would lay out the page once more.
 */
export const useInView = <E extends HTMLElement>(key: string | null): RefObject<E | null> => {
  const element = useRef<E>(null);
  useEffect(() => {
    if (key === null) return undefined;
    const frame = requestAnimationFrame(() => element.current?.scrollIntoView({ block: 'nearest' }));
    return () => cancelAnimationFrame(frame);
  }, [key]);
  return element;
};
