import type { RunManifest } from '../contract/run.ts';
import type { FigureTheme } from './figure-theme.ts';
import { svgElement, svgText, type SvgNode } from './svg.ts';

export interface SvgFigure {
  readonly width: number;
  readonly height: number;
  /** What the figure shows, for screen readers and file browsers. */
  readonly title: string;
  readonly description: string;
  readonly manifest: RunManifest;
  readonly theme: FigureTheme;
  readonly children: readonly SvgNode[];
}

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Noto Sans', sans-serif";

/**
 * A complete SVG file. The run's manifest is the text of `<metadata id="manifest">`, as JSON, so that a figure that was
 * sent on still says where its numbers come from. In the page theme: the element alone, to stand in an HTML page, which
 * has the manifest.
 */
export const svgDocument = ({ width, height, title, description, manifest, theme, children }: SvgFigure): string => {
  const frame = {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'font-family': FONT,
    'font-size': 11,
    fill: theme.ink,
  };
  if (theme.name === 'page') {
    return svgElement('svg', { ...frame, preserveAspectRatio: 'xMinYMin meet', 'aria-label': `${title}. ${description}` }, ...children).svg;
  }
  const root = svgElement(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', ...frame, 'aria-labelledby': 'title description' },
    svgElement('title', { id: 'title' }, svgText(title)),
    svgElement('desc', { id: 'description' }, svgText(description)),
    svgElement('metadata', { id: 'manifest' }, svgText(JSON.stringify(manifest))),
    svgElement('rect', { width, height, fill: theme.background }),
    ...children,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root.svg}\n`;
};
