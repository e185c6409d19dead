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

/**
 * For text and attributes of XML: escapes what it reserves, and controls that it allows, which some terminals obey;
 * replaces what it forbids by U+FFFD.
 */
export const escapeXml = (text: string): string =>
  escaped(text, isXmlCharacter).replace(
    /[\r\u007f-\u009f]/g,
    (character) => `&#x${character.charCodeAt(0).toString(16)};`,
  );

/** For text and attributes of HTML: escapes what it reserves and replaces what it forbids by U+FFFD. */
export const escapeHtml = (text: string): string => escaped(text, isHtmlCharacter);

/**
 * For a line of Markdown: escapes every character with a meaning in markup, and what a terminal would obey; collapses
 * white space to one space.
 */
export const escapeMarkdown = (text: string): string =>
  escapeControls(text.replace(/\s+/g, ' ')).replace(/[\\|<>*_`[\]]/g, '\\$&');

/**
 * Control characters other than tab and line end, the C1 controls (which some terminals obey as well), and characters
 * that change text direction.
 */
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * For plain text that may contain untrusted names and that a terminal may show: characters that it would obey are
 * written as in JSON (`\u001b`).
 */
export const escapeControls = (text: string): string =>
  text.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
