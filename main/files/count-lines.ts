const NEW_LINE = 0x0a;
const RETURN = 0x0d;

/**
 * Whether a text has more lines than `most`, however they end (\n, \r\n or \r). To be asked before it is split: each
 * line is a string of its own, and V8 ends the process where there are hundreds of millions.
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

/** The same of bytes that are UTF-8, before they are made a string. */
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
