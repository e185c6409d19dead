import { useEffect, useRef } from 'react';
import type { RefObject } from 'react';

/** Scrolls an element into view when `key` becomes non-null, and again when it changes. */
export const useInView = <E extends HTMLElement>(key: string | null): RefObject<E | null> => {
  const element = useRef<E>(null);
  useEffect(() => {
    if (key !== null) element.current?.scrollIntoView({ block: 'nearest' });
  }, [key]);
  return element;
};
