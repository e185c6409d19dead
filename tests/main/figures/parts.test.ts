import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { figureTheme } from '../../../main/figures/colors.ts';
import { fileNames } from '../../../main/figures/file-names.ts';
import { methodMarks } from '../../../main/figures/method-marks.ts';
import { encodePng } from '../../../main/figures/png.ts';
import { chartScales, factorAxis, linearAxis } from '../../../main/figures/chart.ts';
import { fitText, svgElement, svgText, textWidth, wrapText } from '../../../main/figures/svg.ts';
import { decodePng } from './decode-png.ts';
import { parseXml } from './xml-outline.ts';

/** WCAG 2 contrast of two hex colours. */
const contrast = (a: string, b: string): number => {
  const luminance = (color: string): number => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5]
      .map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255)
      .map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};

/** Any code points, including control characters and lone surrogates. */
const anyText = fc.array(fc.nat({ max: 0x10ffff })).map((codes) => String.fromCodePoint(...codes));

const TEXT = { title: '', label: String };
const PLOT = { left: 0, top: 0, width: 100, height: 100 };

describe('axis scales', () => {
  it('cover the domain with round, evenly spaced ticks', () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(value, fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (low, span) => {
        const y = linearAxis([low, low + span], TEXT, { inset: [0, 0] });
        expect(y.ticks.length).toBeGreaterThanOrEqual(2);
        expect(y.ticks.length).toBeLessThanOrEqual(7);
        const { y: position } = chartScales({ x: y, y }, PLOT);
        for (const end of [low, low + span]) {
          expect(position(end)).toBeGreaterThanOrEqual(-1e-4);
          expect(position(end)).toBeLessThanOrEqual(100 + 1e-4);
        }
      }),
    );
    expect(linearAxis([0.31, 0.92], TEXT).ticks.map((tick) => tick.toFixed(1))).toEqual([
      '0.2',
      '0.4',
      '0.6',
      '0.8',
      '1.0',
    ]);
    const one = linearAxis([0.5, 0.5], TEXT, { inset: [0, 0] });
    expect(chartScales({ x: one, y: one }, PLOT).x(0.5)).toBe(50);
  });

  it('name measured factors, put powers of two at equal distances, and keep the largest inside the plot', () => {
    const x = factorAxis([2, 4, 3, 8, 64 / 6], '');
    expect(x.ticks).toEqual([1, 2, 4, 8, 3, 64 / 6]);
    const { x: position } = chartScales({ x, y: x }, PLOT);
    const steps = [1, 2, 4].map((factor) => position(2 * factor) - position(factor));
    for (const step of steps) expect(step).toBeCloseTo(steps[0] ?? Number.NaN, 9);
    expect(position(1)).toBeGreaterThanOrEqual(8);
    expect(position(64 / 6)).toBeLessThanOrEqual(92);
  });
});

describe('themes', () => {
  it('keep text and curves readable on the background', () => {
    for (const name of ['light', 'dark'] as const) {
      const theme = figureTheme(name);
      expect(contrast(theme.ink, theme.background)).toBeGreaterThan(12);
      expect(contrast(theme.muted, theme.background)).toBeGreaterThan(5.9);
      for (const { color } of methodMarks(['random', 'frequency', 'reap', 'uncurl', 'a', 'b', 'c'], theme).values()) {
        expect(contrast(color, theme.background)).toBeGreaterThan(3);
      }
    }
  });

  it('give methods of one figure different marks', () => {
    const marks = methodMarks(['random', 'new', 'reap', 'newer', 'uncurl', 'frequency'], figureTheme('light'));
    expect(new Set([...marks.values()].map(({ shape }) => shape)).size).toBe(6);
    expect(new Set([...marks.values()].map(({ color }) => color)).size).toBe(6);
  });
});

describe('svg', () => {
  it('returns any text, except for the characters that XML forbids', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { svg } = svgElement('text', { title: text.replaceAll(/[\t\r\n]/g, ' ') }, svgText(`.${text}`));
        const forbidden = (code: number): boolean =>
          (code < 0x20 && ![9, 10, 13].includes(code)) || code === 0xfffe || code === 0xffff;
        expect(Array.from(svg).some((character) => forbidden(character.codePointAt(0) ?? 0))).toBe(false);
        expect(svg.isWellFormed()).toBe(true);
        const back = parseXml(svg).text.slice(1);
        expect(Array.from(back)).toHaveLength(Array.from(text).length);
        if (/^[\u0020-\ud7ff]*$/.test(text)) expect(back).toBe(text);
      }),
    );
  });
});

describe('text layout', () => {
  it('wraps without losing a word and cuts to a width', () => {
    const rounding = 1e-9;
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 });
    fc.assert(
      fc.property(words, fc.integer({ min: 80, max: 400 }), (list, width) => {
        const lines = wrapText(list.join(' '), width, 10);
        expect(lines.join(' ')).toBe(list.join(' '));
        for (const line of lines) expect(textWidth(line, 10)).toBeLessThanOrEqual(width + rounding);
        expect(textWidth(fitText(list.join(' '), width, 10), 10)).toBeLessThanOrEqual(width + rounding);
      }),
    );
  });
});

describe('encodePng', () => {
  it('encodes pixels and texts without loss', () => {
    const size = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(
        size,
        size,
        fc.uint8Array({ minLength: 243, maxLength: 243 }),
        fc.string(),
        (width, height, bytes, text) => {
          const pixels = bytes.subarray(0, 3 * width * height);
          const texts = { Title: `${text} \u65e5\u672c` };
          const image = decodePng(encodePng({ width, height, pixels, texts }, deflateSync));
          expect([image.width, image.height, image.texts]).toEqual([width, height, texts]);
          for (let i = 0; i < width * height; i += 1) {
            expect(image.pixel(i % width, Math.floor(i / width))).toEqual([...pixels.subarray(3 * i, 3 * i + 3)]);
          }
        },
      ),
    );
  });

  it('refuses pixels that do not fill the image', () => {
    expect(() => encodePng({ width: 2, height: 2, pixels: new Uint8Array(3), texts: {} }, deflateSync)).toThrow(
      /2 x 2/,
    );
  });
});

describe('fileNames', () => {
  it('are safe and different', () => {
    expect([...fileNames(['Qwen/Qwen3 (30B)', 'qwen/qwen3-30b', '..', '日本'])]).toEqual([
      ['Qwen/Qwen3 (30B)', 'qwen-qwen3-30b'],
      ['qwen/qwen3-30b', 'qwen-qwen3-30b-2'],
      ['..', 'unnamed'],
      ['日本', 'unnamed-2'],
    ]);
  });
});
