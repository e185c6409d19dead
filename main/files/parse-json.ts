/** Deeper values are no configuration, index or item; what walks through them later would overflow its stack. */
export const MAX_JSON_DEPTH = 200;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** Whether brackets outside strings nest deeper than `most`; stops at the first place where they do. */
const nestsDeeper = (text: string, most: number): boolean => {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      // To the quote that no backslash takes.
      do {
        at = text.indexOf('"', at + 1);
        if (at < 0) return false;
      } while (isEscaped(text, at));
    } else if (OPENING.has(code)) {
      depth += 1;
      if (depth > most) return true;
    } else if (CLOSING.has(code)) depth -= 1;
  }
  return false;
};

const isEscaped = (text: string, quote: number): boolean => {
  let backslashes = 0;
  while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
};

/** JSON.parse for text of strangers: a SyntaxError also where values are nested deeper than 200. */
export const parseForeignJson = (text: string): unknown => {
  if (nestsDeeper(text, MAX_JSON_DEPTH))
    throw new SyntaxError(`values are nested deeper than ${String(MAX_JSON_DEPTH)}`);
  return JSON.parse(text);
};
