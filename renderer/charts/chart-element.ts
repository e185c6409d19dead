import { type RefCallback, useCallback, useState } from 'react';

/**
 * Width of an element in CSS pixels, updated on resize and when another element takes its place; 0 before layout. The
 * first member is the element's ref.
 */
export const useElementWidth = <E extends HTMLElement>(): readonly [RefCallback<E>, number] => {
  const [width, setWidth] = useState(0);
  const measure = useCallback((element: E | null) => {
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(element);
    setWidth(Math.floor(element.getBoundingClientRect().width));
    return () => observer.disconnect();
  }, []);
  return [measure, width];
};
