/** A piece of SVG, escaped and complete. */
export interface SvgNode {
  readonly svg: string;
}

type Attributes = Readonly<Record<string, string | number>>;

/** Char of XML 1.0, section 2.2; a lone surrogate is none. */
const isXmlCharacter = (code: number): boolean =>
  [0x9, 0xa, 0xd].includes(code) ||
  (code >= 0x20 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfffd) ||
  code >= 0x10000;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escapes what XML reserves and replaces what it forbids by U+FFFD. */
const escapeXml = (text: string): string =>
  Array.from(text, (character) =>
    isXmlCharacter(character.codePointAt(0) ?? 0) ? (entities[character] ?? character) : '\ufffd',
  ).join('');

/** Coordinates to a hundredth of a pixel: exact enough to print, and short. */
const written = (value: string | number): string =>
  typeof value === 'string' ? escapeXml(value) : String(Math.round(value * 100) / 100);

/** Text content. */
export const svgText = (content: string): SvgNode => ({ svg: escapeXml(content) });

export const svgElement = (name: string, attributes: Attributes, ...children: readonly SvgNode[]): SvgNode => {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${written(value)}"`)
    .join('');
  const content = children.map(({ svg }) => svg).join('');
  return { svg: content === '' ? `<${name}${list}/>` : `<${name}${list}>${content}</${name}>` };
};

/** A line of text at (x, y), its baseline. */
export const svgLabel = (x: number, y: number, content: string, attributes: Attributes = {}): SvgNode =>
  svgElement('text', { x, y, ...attributes }, svgText(content));
