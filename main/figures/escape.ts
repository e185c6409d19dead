/** Char of XML 1.0, section 2.2; excludes lone surrogates. */
const isXmlCharacter = (code: number): boolean =>
  [0x9, 0xa, 0xd].includes(code) ||
  (code >= 0x20 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfffd) ||
  code >= 0x10000;

/** Characters allowed in HTML: no controls other than tab and line breaks, lone surrogates or noncharacters. */
const isHtmlCharacter = (code: number): boolean =>
  [0x9, 0xa, 0xd].includes(code) ||
  (code >= 0x20 && code < 0x7f) ||
  (code >= 0xa0 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfdcf) ||
  (code >= 0xfdf0 && (code & 0xfffe) !== 0xfffe);

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string, isAllowed: (code: number) => boolean): string =>
  Array.from(text, (character) =>
    isAllowed(character.codePointAt(0) ?? 0) ? (entities[character] ?? character) : '\ufffd',
  ).join('');

/** For text and attributes of XML: escapes what it reserves and replaces what it forbids by U+FFFD. */
export const escapeXml = (text: string): string => escaped(text, isXmlCharacter);

/** For text and attributes of HTML: escapes what it reserves and replaces what it forbids by U+FFFD. */
export const escapeHtml = (text: string): string => escaped(text, isHtmlCharacter);

/** For a line of Markdown: escapes every character with a meaning in markup, and collapses white space to one space. */
export const escapeMarkdown = (text: string): string => text.replace(/[\\|<>*_`[\]]/g, '\\$&').replace(/\s+/g, ' ');
