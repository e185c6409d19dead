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
