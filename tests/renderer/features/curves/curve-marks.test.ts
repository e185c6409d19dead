import { rgb } from 'd3-color';
import { expect, test } from 'vitest';
import { contrast } from '../../../../main/figures/color-scales.ts';
import { methodColors } from '../../../../main/figures/method-marks.ts';
import { BACK_OPACITY } from '../../../../renderer/features/curves/curve-marks.tsx';

/** `--surface` of the dark theme. */
const DARK_SURFACE = '#17191c';

test('curves behind an emphasised one keep the contrast of graphics on a dark ground', () => {
  const ground = rgb(DARK_SURFACE);
  for (const [method, color] of methodColors('dark')) {
    const [own, part] = [rgb(color), BACK_OPACITY.dark];
    const mixed = rgb(
      part * own.r + (1 - part) * ground.r,
      part * own.g + (1 - part) * ground.g,
      part * own.b + (1 - part) * ground.b,
    );
    expect(contrast(mixed.formatHex(), DARK_SURFACE), method).toBeGreaterThan(3);
  }
});
