/** A token's text with visible spaces. */
export const visibleText = (text: string): string =>
  text === ''
    ? '(nothing)'
    : text.replaceAll(' ', '\u2423').replaceAll('\n', '\u23ce').replaceAll('\t', '\u21e5').replaceAll('\r', '\u240d');
