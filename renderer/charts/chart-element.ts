import { useLayoutEffect, useRef, useState } from 'react';
import type { RefObject } from 'react';

/** Width of an element in CSS pixels, updated on resize; 0 before layout. */
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

/** Largest pointer distance at which a dot counts as pointed at. */
const REACH_PX = 16;

export interface Dot {
  readonly key: string;
  /** CSS pixels from the chart's top left corner. */
  readonly x: number;
  readonly y: number;
}

/** The dots of a chart, in drawing order. */
export const dotsOf = (chart: Element): readonly Dot[] =>
  [...chart.querySelectorAll<SVGElement>('.curve-point')].map(({ dataset }) => ({
    key: dataset['point'] ?? '',
    x: Number(dataset['x']),
    y: Number(dataset['y']),
  }));

/** The dot nearest to a position in the chart; null if none is within reach. Overlapping dots can each be reached. */
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
