import { rgb } from 'd3-color';
import { expect, test } from 'vitest';
import { contrast } from '../../../../main/figures/colors.ts';
import { BACK_OPACITY, methodColors } from '../../../../main/figures/method-marks.ts';

test.each([
  // `--surface` of each theme. The palest colour on white has a contrast of 4 by itself.
  ['light', '#ffffff', 2.5],
  ['dark', '#17191c', 3],
] as const)('curves behind an emphasised one keep the contrast of graphics on %s', (theme, surface, least) => {
  const ground = rgb(surface);
  for (const [method, color] of methodColors(theme)) {
    const [own, part] = [rgb(color), BACK_OPACITY[theme]];
    const mixed = rgb(
      part * own.r + (1 - part) * ground.r,
      part * own.g + (1 - part) * ground.g,
      part * own.b + (1 - part) * ground.b,
    );
    expect(contrast(mixed.formatHex(), surface), method).toBeGreaterThan(least);
  }
});
