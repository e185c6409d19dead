import { useEffect, useRef } from 'react';
import type { RefObject } from 'react';

/** Brings an element into view once it is what is meant (`key` is not null), and again when another thing is. */
export const useInView = <E extends HTMLElement>(key: string | null): RefObject<E | null> => {
  const element = useRef<E>(null);
  useEffect(() => {
    if (key !== null) element.current?.scrollIntoView({ block: 'nearest' });
  }, [key]);
  return element;
};
