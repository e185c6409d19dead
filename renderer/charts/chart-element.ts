import { useLayoutEffect, useRef, useState } from 'react';
import type { RefObject } from 'react';

/** Width of an element in CSS pixels, followed as it changes; 0 until it is laid out. */
export const useElementWidth = <E extends HTMLElement>(): readonly [RefObject<E | null>, number] => {
  const element = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(element.current);
    setWidth(Math.floor(element.current.getBoundingClientRect().width));
    return () => observer.disconnect();
  }, []);
  return [element, width];
};

/** A dot counts as pointed at within this distance. */
const REACH_PX = 16;

export interface Dot {
  readonly key: string;
  /** CSS pixels within the chart. */
  readonly x: number;
  readonly y: number;
}

/** The drawn dots of a chart, in the order in which they are drawn. */
export const dotsOf = (chart: Element): readonly Dot[] =>
  [...chart.querySelectorAll<SVGElement>('.curve-point')].map(({ dataset }) => ({
    key: dataset['point'] ?? '',
    x: Number(dataset['x']),
    y: Number(dataset['y']),
  }));

/** The drawn dot nearest to a place in the chart, or null where none is near: dots that overlap can all be reached. */
export const nearestDot = (chart: HTMLElement, x: number, y: number): Dot | null => {
  let nearest: Dot | null = null;
  let least = REACH_PX;
  for (const dot of dotsOf(chart)) {
    const distance = Math.hypot(dot.x - x, dot.y - y);
    if (distance < least) {
      nearest = dot;
      least = distance;
    }
  }
  return nearest;
};
