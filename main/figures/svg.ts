import type { FigureTheme } from './colors.ts';
import { escapeXml } from './escape.ts';
import { type FigureManifest, figureHeading, manifestJson, manifestLine } from './figure-manifest.ts';

/** A piece of SVG, escaped and complete. */
export interface SvgNode {
  readonly svg: string;
}

type Attributes = Readonly<Record<string, string | number>>;

/** Coordinates to a hundredth of a pixel: exact enough for print, and short. */
const written = (value: string | number): string =>
  typeof value === 'string' ? escapeXml(value) : String(Math.round(value * 100) / 100);

export const svgText = (content: string): SvgNode => ({ svg: escapeXml(content) });

/** An element. Children are passed as lists, since long argument lists overflow the stack. */
export const svgElement = (
  name: string,
  attributes: Attributes,
  ...children: readonly (SvgNode | readonly SvgNode[])[]
): SvgNode => {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${written(value)}"`)
    .join('');
  const content = children
    .flat()
    .map(({ svg }) => svg)
    .join('');
  return { svg: content === '' ? `<${name}${list}/>` : `<${name}${list}>${content}</${name}>` };
};

/** A line of text at (x, y), its baseline. */
export const svgLabel = (x: number, y: number, content: string, attributes: Attributes = {}): SvgNode =>
  svgElement('text', { x, y, ...attributes }, svgText(content));

export const svgLine = (
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  stroke: string,
  attributes: Attributes = {},
): SvgNode => svgElement('line', { x1, y1, x2, y2, stroke, ...attributes });

/** The `d` of a path through points in pixels. */
export const pathThrough = (points: readonly (readonly [x: number, y: number])[]): string =>
  points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(2)} ${y.toFixed(2)}`).join('');

/** Mean width of a character of a sans-serif font, relative to the font size: wide enough for all but capitals. */
const CHARACTER_WIDTH = 0.54;

/** Estimated width of a line in pixels: the layout has no access to fonts. */
export const textWidth = (text: string, fontSize: number): number => text.length * CHARACTER_WIDTH * fontSize;

/** Breaks a text into lines of at most `width` pixels, at spaces; a longer word gets a line to itself. */
export const wrapText = (text: string, width: number, fontSize: number): string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && textWidth(longer, fontSize) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, line];
};

/** Cuts a text to a width, with an ellipsis if it is shortened. */
export const fitText = (text: string, width: number, fontSize: number): string => {
  if (textWidth(text, fontSize) <= width) return text;
  const room = Math.max(1, Math.floor(width / (CHARACTER_WIDTH * fontSize)) - 1);
  return `${text.slice(0, room)}\u2026`;
};

const FONT_SIZE = 10.5;

/** Left edge of titles and captions in pixels. */
export const MARGIN = 24;

export interface SvgFigure {
  readonly width: number;
  readonly height: number;
  /** Title of the figure, for screen readers and file browsers. */
  readonly title: string;
  readonly description: string;
  readonly manifest: FigureManifest;
  readonly theme: FigureTheme;
  readonly children: readonly SvgNode[];
}

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Noto Sans', sans-serif";

/** A drawn picture with its descriptions, which a PNG of it contains too. */
export interface Drawing extends Pick<SvgFigure, 'width' | 'height' | 'title' | 'description' | 'manifest'> {
  readonly svg: string;
}

/**
 * A complete SVG file. The run's manifest is the text of `<metadata id="manifest">`, as JSON, so that a figure that is
 * passed on still states its provenance. In the page theme: the element alone, to be embedded in an HTML page, which
 * has the manifest. A figure of a run that was not measured here is headed by a line that says so.
 */
export const svgDocument = ({ width, height, title, description, manifest, theme, children }: SvgFigure): Drawing => {
  const said = { width, height, title, description, manifest };
  const heading = figureHeading(manifest);
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
    const { svg } = svgElement(
      'svg',
      { ...frame, preserveAspectRatio: 'xMinYMin meet', 'aria-label': `${title}. ${description}` },
      children,
    );
    return { ...said, svg };
  }
  const root = svgElement(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', ...frame, 'aria-labelledby': 'title description' },
    svgElement('title', { id: 'title' }, svgText(title)),
    svgElement('desc', { id: 'description' }, svgText(heading === null ? description : `${heading} ${description}`)),
    svgElement('metadata', { id: 'manifest' }, svgText(manifestJson(manifest))),
    svgElement('rect', { width, height, fill: theme.background }),
    children,
    heading === null
      ? []
      : svgLabel(MARGIN, 14, fitText(heading, width - 2 * MARGIN, FONT_SIZE), {
          'font-size': FONT_SIZE,
          'font-weight': 700,
        }),
  );
  return { ...said, svg: `<?xml version="1.0" encoding="UTF-8"?>\n${root.svg}\n` };
};

const LINE = 15;

interface FigureFooter {
  readonly nodes: readonly SvgNode[];
  /** Pixels from `top` to the lower edge of the figure. */
  readonly height: number;
}

/** A figure with its title above and, from `bottom` in pixels on, its caption and its run. */
export const captionedFigure = ({
  bottom,
  caption,
  children,
  ...figure
}: Omit<SvgFigure, 'height'> & { readonly bottom: number; readonly caption: string }): Drawing => {
  const footer = figureFooter({ caption, ...figure }, { left: MARGIN, top: bottom, width: figure.width });
  return svgDocument({
    ...figure,
    height: bottom + footer.height,
    children: [
      svgLabel(MARGIN, 34, figure.title, { 'font-size': 17, 'font-weight': 600 }),
      ...children,
      ...footer.nodes,
    ],
  });
};

/**
 * Footer of a standalone figure: how to read it, and its run. A figure in a page has neither: the page shows both
 * beside it.
 */
export const figureFooter = (
  {
    caption,
    manifest,
    theme,
  }: { readonly caption: string; readonly manifest: FigureManifest; readonly theme: FigureTheme },
  { left, top, width }: { readonly left: number; readonly top: number; readonly width: number },
): FigureFooter => {
  if (theme.name === 'page') return { nodes: [], height: 0 };
  const lines = wrapText(caption, width - 2 * left, FONT_SIZE);
  const height = lines.length * LINE + 22;
  return {
    nodes: [
      ...lines.map((text, index) =>
        svgLabel(left, top + index * LINE, text, { 'font-size': FONT_SIZE, fill: theme.muted }),
      ),
      svgLabel(left, top + height - 10, manifestLine(manifest), {
        'font-size': 9.5,
        fill: theme.muted,
      }),
    ],
    height,
  };
};
