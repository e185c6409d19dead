import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

// Position of the window when it was closed. A small file of the shell, which is read before there is an engine.

/** In the system's pixels, as Electron counts them. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowBounds {
  readonly bounds: Rectangle;
  readonly isMaximized: boolean;
}

/** Size and position for opening a window; without a position the system chooses one. */
export interface OpeningBounds {
  readonly bounds: Rectangle | Pick<Rectangle, 'width' | 'height'>;
  readonly isMaximized: boolean;
}

export const SMALLEST = { width: 960, height: 600 } as const;
const USUAL = { width: 1440, height: 900 } as const;
/** Minimum part of the window's upper edge on a screen, so that it can be dragged. */
const GRIP = { width: 120, height: 32 } as const;

const side = z.number().int().min(-100_000).max(100_000);
const boundsFile = z.object({
  bounds: z.object({ x: side, y: side, width: side.positive(), height: side.positive() }),
  isMaximized: z.boolean(),
});

/** Null if there is none or it cannot be parsed: then the window opens as at its first start. */
export const readWindowBounds = (file: string): WindowBounds | null => {
  try {
    const parsed = boundsFile.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
};

/** Null, or why the position cannot be saved: this must not keep a window from closing. */
export const writeWindowBounds = (file: string, bounds: WindowBounds): string | null => {
  try {
    writeFileSync(file, `${JSON.stringify(bounds)}\n`);
    return null;
  } catch (error) {
    return `The bounds of the window cannot be saved: ${error instanceof Error ? error.message : String(error)}`;
  }
};

const overlap = (from: number, to: number, low: number, high: number): number =>
  Math.min(to, high) - Math.max(from, low);

/** Position for opening the window: the last one if it is reachable on a screen, else the default size anywhere. */
export const boundsWithin = (last: WindowBounds | null, areas: readonly Rectangle[]): OpeningBounds => {
  if (last === null) return { bounds: USUAL, isMaximized: false };
  const { bounds, isMaximized } = last;
  const reachable = areas.flatMap((area) => {
    const width = Math.max(SMALLEST.width, Math.min(bounds.width, area.width));
    const height = Math.max(SMALLEST.height, Math.min(bounds.height, area.height));
    const isReachable =
      overlap(bounds.x, bounds.x + width, area.x, area.x + area.width) >= GRIP.width &&
      bounds.y >= area.y &&
      bounds.y + GRIP.height <= area.y + area.height;
    return isReachable ? [{ x: bounds.x, y: bounds.y, width, height }] : [];
  });
  return { bounds: reachable[0] ?? USUAL, isMaximized };
};
