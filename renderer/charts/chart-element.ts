import { useCallback, useState } from 'react';
import type { MouseEvent, RefCallback } from 'react';

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

/** Largest pointer distance at which a mark counts as pointed at. */
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

/** The mark nearest to the pointer in a chart; null if none is within reach. Overlapping marks can each be reached. */
export const nearestMark = <M extends Pick<Dot, 'x' | 'y'>>(
  marks: readonly M[],
  { currentTarget, clientX, clientY }: MouseEvent,
): M | null => {
  const { left, top } = currentTarget.getBoundingClientRect();
  let nearest: M | null = null;
  let least = REACH_PX;
  for (const mark of marks) {
    const distance = Math.hypot(mark.x - (clientX - left), mark.y - (clientY - top));
    if (distance < least) {
      nearest = mark;
      least = distance;
    }
  }
  return nearest;
};
