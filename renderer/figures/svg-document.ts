import type { FigureManifest } from './csv.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** For text and attributes; characters that XML 1.0 forbids are left out. */
export const escapeXml = (text: string): string =>
  text.replace(/[^\t\n\r\u0020-\ufffd]/g, '').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

interface SvgDocument {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly background: string;
  readonly manifest: FigureManifest;
  /** Markup inside the root. */
  readonly body: string;
}

/** Generic names only: a figure must not depend on the fonts of one machine. */
const FIGURE_FONT = 'Helvetica, Arial, sans-serif';

/** A complete SVG document with its manifest as JSON in <metadata>. */
export const svgDocument = ({ width, height, title, background, manifest, body }: SvgDocument): string =>
  '<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg"' +
  ` width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${FIGURE_FONT}" font-size="12">
<title>${escapeXml(title)}</title>
<metadata id="uncurl-manifest">${escapeXml(JSON.stringify(manifest))}</metadata>
<rect width="100%" height="100%" fill="${background}"/>
${body}
</svg>
`;
