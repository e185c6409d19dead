import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { boundsWithin, readWindowBounds, SMALLEST, writeWindowBounds } from '../../electron/window-bounds.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';

const screens = [
  { x: 0, y: 25, width: 1920, height: 1055 },
  { x: -1280, y: 0, width: 1280, height: 1024 },
];
const usual = { width: 1440, height: 900 };

test('size and position are restored as stored; invalid ones are ignored', async () => {
  const file = join(await temporaryFolder(), 'window.json');
  expect(readWindowBounds(file)).toBeNull();
  const kept = { bounds: { x: -1200, y: 40, width: 1100, height: 700 }, isMaximized: true };
  expect(writeWindowBounds(file, kept)).toBeNull();
  expect(readWindowBounds(file)).toEqual(kept);
  for (const text of ['', '{', '{"bounds":{"x":0,"y":0,"width":-3,"height":9},"isMaximized":false}', '[]']) {
    await writeFile(file, text);
    expect(readWindowBounds(file)).toBeNull();
  }
  expect(await readFile(file, 'utf8')).toBe('[]');
});

test('a position that cannot be stored is reported, and throws nothing', async () => {
  const folder = join(await temporaryFolder(), 'window.json');
  await mkdir(folder);
  const kept = { bounds: { x: 0, y: 0, width: 1000, height: 700 }, isMaximized: false };
  expect(writeWindowBounds(folder, kept)).toMatch(/^The bounds of the window cannot be saved: /);
});

test('the window opens where it was, smaller if the screen is smaller, anywhere if the screen is gone', () => {
  const at = (x: number, y: number, width = 1000, height = 700) =>
    boundsWithin({ bounds: { x, y, width, height }, isMaximized: false }, screens).bounds;
  expect(at(100, 100)).toEqual({ x: 100, y: 100, width: 1000, height: 700 });
  expect(at(-1280, 0, 3000, 3000)).toEqual({ x: -1280, y: 0, width: 1280, height: 1024 });
  expect(at(5000, 100)).toEqual(usual);
  expect(at(100, -40)).toEqual(usual);
  expect(at(1900, 100)).toEqual(usual);
  expect(boundsWithin(null, screens)).toEqual({ bounds: usual, isMaximized: false });
  expect(boundsWithin({ bounds: { x: 0, y: 0, width: 9, height: 9 }, isMaximized: true }, [])).toEqual({
    bounds: usual,
    isMaximized: true,
  });
});

test('whatever was stored, the title bar is reachable and the window has its minimum size', () => {
  const side = fc.integer({ min: -5000, max: 5000 });
  const size = fc.integer({ min: 1, max: 5000 });
  fc.assert(
    fc.property(side, side, size, size, (x, y, width, height) => {
      const { bounds } = boundsWithin({ bounds: { x, y, width, height }, isMaximized: false }, screens);
      expect(bounds.width).toBeGreaterThanOrEqual(SMALLEST.width);
      expect(bounds.height).toBeGreaterThanOrEqual(SMALLEST.height);
      if (!('x' in bounds)) return;
      const held = screens.some(
        (area) =>
          Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x) >= 120 &&
          bounds.y >= area.y &&
          bounds.y + 32 <= area.y + area.height,
      );
      expect(held).toBe(true);
    }),
  );
});
