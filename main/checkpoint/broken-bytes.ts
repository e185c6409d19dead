/** A byte as a token, in the notation of tokenizers with byte fallback. */
const byteToken = /^<0x([0-9A-Fa-f]{2})>$/;

/** Replaces a byte that is not a character. */
const REPLACEMENT = '\ufffd';

/**
 * Replaces every byte of a run that is not UTF-8 as a whole by U+FFFD, like the byte fallback decoder of the tokenizers
 * library (a decoder that keeps the valid parts of such a run gives other texts). Runs that are UTF-8 stay.
 */
export const replaceBrokenBytes = (tokens: readonly string[]): string[] => {
  const out: string[] = [];
  let run: string[] = [];
  const finish = (): void => {
    const isText = isUtf8(run);
    for (const byte of run) out.push(isText ? byte : REPLACEMENT);
    run = [];
  };
  for (const token of tokens) {
    if (byteToken.test(token)) {
      run.push(token);
      continue;
    }
    finish();
    out.push(token);
  }
  finish();
  return out;
};

const isUtf8 = (run: readonly string[]): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(
      Uint8Array.from(run, (token) => Number.parseInt(byteToken.exec(token)?.[1] ?? '', 16)),
    );
    return true;
  } catch (cause) {
    if (cause instanceof TypeError) return false;
    throw cause;
  }
};
