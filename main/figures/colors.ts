import { lab, rgb } from 'd3-color';
import { interpolateCividis } from 'd3-scale-chromatic';

export type ThemeName = 'light' | 'dark';

/** How a figure calls a task. */
export type TaskNaming = (task: string) => string;
const byName: TaskNaming = (task) => task;

/** `page`: colours are custom properties of the HTML page around the figure, so that it follows the page's theme. */
export interface FigureTheme {
  readonly name: ThemeName | 'page';
  readonly background: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  /** A cell without a value: an expert that no token chose has no mean. */
  readonly absent: string;
  readonly task: TaskNaming;
}

const themes: Readonly<Record<ThemeName, FigureTheme>> = {
  light: {
    name: 'light',
    background: '#ffffff',
    ink: '#1a1d21',
    muted: '#5a616b',
    grid: '#e2e5e9',
    absent: '#d5d8dc',
    task: byName,
  },
  dark: {
    name: 'dark',
    background: '#16181c',
    ink: '#e9ebee',
    muted: '#a6adb7',
    grid: '#30343b',
    absent: '#4a4f57',
    task: byName,
  },
};

const themeColors = ['background', 'ink', 'muted', 'grid', 'absent'] as const;
type ThemeColor = (typeof themeColors)[number];
const propertyOf = (color: ThemeColor): string => `--figure-${color}`;
const reference = (color: ThemeColor): string => `var(${propertyOf(color)})`;

/** Colours of a figure inside an HTML page that defines `pageColors` for its light and its dark theme. */
export const pageTheme: FigureTheme = {
  name: 'page',
  background: reference('background'),
  ink: reference('ink'),
  muted: reference('muted'),
  grid: reference('grid'),
  absent: reference('absent'),
  task: byName,
};

/** Custom properties (name, value) that `pageTheme` refers to. */
export const pageColors = (name: ThemeName): readonly (readonly [property: string, value: string])[] =>
  themeColors.map((color) => [propertyOf(color), themes[name][color]]);

/** Colours of a figure; text on background has a contrast of at least 5.9 (WCAG AA) in both. `task`: default, names. */
export const figureTheme = (name: ThemeName, task?: TaskNaming): FigureTheme =>
  task === undefined ? themes[name] : { ...themes[name], task };

export interface ColorScale {
  readonly kind: 'amount' | 'difference';
  /** Values at the ends. */
  readonly domain: readonly [number, number];
  /** Colour of a value, clamped to the ends: `#rrggbb`. */
  readonly color: (value: number) => string;
}

/**
 * Cividis (Nunez, Anderton and Renslow 2018, doi:10.1371/journal.pone.0199239) at `share` in 0..1, clamped: dark blue
 * to yellow, readable with colour-vision deficiency.
 */
const cividis = (share: number): string => rgb(interpolateCividis(share)).formatHex();

export type Rgb = readonly [red: number, green: number, blue: number];

/** Channels of a colour, 0 to 255. */
export const channels = (color: string): Rgb => {
  const { r, g, b } = rgb(color);
  return [r, g, b];
};

/** Cividis from 0 to `maximum`. */
export const amountScale = (maximum: number): ColorScale => ({
  kind: 'amount',
  domain: [0, maximum],
  color: (value) => cividis(maximum > 0 ? value / maximum : 0),
});

const mix = (from: string, to: string, share: number): string => {
  const [left, right] = [lab(from), lab(to)];
  return lab(
    left.l + (right.l - left.l) * share,
    left.a + (right.a - left.a) * share,
    left.b + (right.b - left.b) * share,
  ).formatHex();
};

const LESS = '#2166ac';
const MORE = '#d9730d';
const MIDDLE = { light: '#f1efec', dark: '#2b2d31' } as const;

/** Blue (less) to orange (more) about 0, symmetric; the middle is the theme's neutral colour. */
export const differenceScale = (maximum: number, theme: 'light' | 'dark'): ColorScale => ({
  kind: 'difference',
  domain: [-maximum, maximum],
  color: (value) => {
    const share = maximum > 0 ? Math.max(-1, Math.min(1, value / maximum)) : 0;
    const end = theme === 'dark' ? (share < 0 ? '#5aa2e8' : '#f0983e') : share < 0 ? LESS : MORE;
    return mix(MIDDLE[theme], end, Math.abs(share));
  },
});

/** The same for how much better: orange (worse) to blue (better), the colours of unsafe and safe. */
export const goodnessScale = (maximum: number, theme: 'light' | 'dark'): ColorScale => {
  const scale = differenceScale(maximum, theme);
  return { ...scale, color: (value) => scale.color(-value) };
};

/** WCAG relative luminance. */
const luminance = (color: string): number => {
  const { r, g, b } = rgb(color);
  const linear = (channel: number): number => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
};

export const contrast = (left: string, right: string): number => {
  const [low, high] = [luminance(left), luminance(right)].sort((a, b) => a - b);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
};

/** Black or white, whichever is more readable on `background`. */
export const inkOn = (background: string): string =>
  contrast(background, '#ffffff') >= contrast(background, '#000000') ? '#ffffff' : '#000000';

/** `count` evenly spaced colours of a scale, for legends. */
export const scaleSteps = (scale: ColorScale, count: number): readonly string[] => {
  const [low, high] = scale.domain;
  return Array.from({ length: count }, (_, step) => scale.color(low + ((high - low) * step) / (count - 1)));
};
