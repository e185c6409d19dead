/** A piece of HTML, escaped and complete. */
export interface HtmlNode {
  readonly html: string;
}

type Attributes = Readonly<Record<string, string | number>>;
export type HtmlContent = HtmlNode | string | number;

/** Characters that HTML cannot hold: controls other than tab and line breaks, lone surrogates, non-characters. */
const isHtmlCharacter = (code: number): boolean =>
  [0x9, 0xa, 0xd].includes(code) ||
  (code >= 0x20 && code < 0x7f) ||
  (code >= 0xa0 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfdcf) ||
  (code >= 0xfdf0 && (code & 0xfffe) !== 0xfffe);

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escapes what HTML reserves and replaces what it forbids by U+FFFD. */
const escapeHtml = (text: string): string =>
  Array.from(text, (character) =>
    isHtmlCharacter(character.codePointAt(0) ?? 0) ? (entities[character] ?? character) : '\ufffd',
  ).join('');

const written = (content: HtmlContent): string => (typeof content === 'object' ? content.html : escapeHtml(String(content)));

/** Elements that have no content and no end tag. */
const VOID = new Set(['meta', 'br', 'hr', 'col']);

/** An element; text content is escaped. */
export const html = (name: string, attributes: Attributes, ...children: readonly HtmlContent[]): HtmlNode => {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeHtml(String(value))}"`)
    .join('');
  return { html: VOID.has(name) ? `<${name}${list}>` : `<${name}${list}>${children.map(written).join('')}</${name}>` };
};

/** Several nodes as one. */
export const htmlAll = (nodes: readonly HtmlContent[]): HtmlNode => ({ html: nodes.map(written).join('') });

/** Markup that is already safe: a figure of svgDocument. */
export const htmlFigure = (svg: string): HtmlNode => ({ html: svg });
