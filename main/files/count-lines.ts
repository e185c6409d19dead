const NEW_LINE = 0x0a;
const RETURN = 0x0d;

/**
 * Whether a text has more lines than `most` (\n, \r\n or \r). Must be checked before splitting: each line is a string,
 * and V8 crashes the process at hundreds of millions.
 */
export const hasMoreLines = (text: string, most: number): boolean => {
  let lines = 0;
  for (const end of ['\n', '\r'])
    for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end, at + 1)) {
      if (end === '\r' && text.charCodeAt(at + 1) === NEW_LINE) continue;
      lines += 1;
      if (lines > most) return true;
    }
  return false;
};

/** The same for UTF-8 bytes, before they become a string. */
export const hasMoreLinesOfBytes = (bytes: Uint8Array, most: number): boolean => {
  let lines = 0;
  for (const end of [NEW_LINE, RETURN])
    for (let at = bytes.indexOf(end); at >= 0; at = bytes.indexOf(end, at + 1)) {
      if (end === RETURN && bytes[at + 1] === NEW_LINE) continue;
      lines += 1;
      if (lines > most) return true;
    }
  return false;
};
