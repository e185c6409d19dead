import type { RunManifest } from '../contract/run.ts';
import type { FigureTheme } from './figure-theme.ts';
import { svgLabel, type SvgNode } from './svg.ts';
import { wrapText } from './text-layout.ts';

const FONT_SIZE = 10.5;
const LINE = 15;

export interface FigureFooter {
  readonly nodes: readonly SvgNode[];
  /** Pixels from `top` to the lower edge of the figure. */
  readonly height: number;
}

/**
 * What a figure that stands alone says below its plots: how to read it, and its run. A figure in a page has neither:
 * the page says both beside it.
 */
export const figureFooter = (
  { caption, manifest, theme }: { readonly caption: string; readonly manifest: RunManifest; readonly theme: FigureTheme },
  { left, top, width }: { readonly left: number; readonly top: number; readonly width: number },
): FigureFooter => {
  if (theme.name === 'page') return { nodes: [], height: 0 };
  const lines = wrapText(caption, width - 2 * left, FONT_SIZE);
  const height = lines.length * LINE + 22;
  return {
    nodes: [
      ...lines.map((text, index) => svgLabel(left, top + index * LINE, text, { 'font-size': FONT_SIZE, fill: theme.muted })),
      svgLabel(left, top + height - 10, `Run ${manifest.id}, ${manifest.createdAt}`, { 'font-size': 9.5, fill: theme.muted }),
    ],
    height,
  };
};
