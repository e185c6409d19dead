import { interpolateCividis } from 'd3-scale-chromatic';

export type Rgb = readonly [red: number, green: number, blue: number];

/**
 * Cividis (Nunez, Anderton and Renslow 2018, doi:10.1371/journal.pone.0199239) at `share` in 0..1, clamped: dark blue
 * to yellow, read alike with and without colour-vision deficiency.
 */
export const cividis = (share: number): Rgb => {
  const [red = Number.NaN, green = Number.NaN, blue = Number.NaN] = (interpolateCividis(share).match(/\d+/g) ?? []).map(Number);
  return [red, green, blue];
};

export const hexColor = (color: Rgb): string => `#${color.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
