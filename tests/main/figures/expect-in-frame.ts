import { expect } from 'vitest';
import { findAll, parseXml } from './xml-outline.ts';

/** Expects every line, rectangle and text of a figure on its canvas, and finite numbers only. */
export const expectInFrame = (svg: string): void => {
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  const root = parseXml(svg);
  const [width, height] = [Number(root.attributes['width']), Number(root.attributes['height'])];
  for (const { attributes } of ['line', 'rect', 'text'].flatMap((kind) => findAll(root, kind))) {
    for (const [key, most] of [
      ['x', width],
      ['x1', width],
      ['x2', width],
      ['y', height],
      ['y1', height],
      ['y2', height],
    ] as const) {
      expect(Number(attributes[key] ?? 0)).toBeGreaterThanOrEqual(0);
      expect(Number(attributes[key] ?? 0)).toBeLessThanOrEqual(most);
    }
  }
};
