/** A byte as a token of its own, as tokenizers with byte fallback write it. */
const byteToken = /^<0x([0-9A-Fa-f]{2})>$/;

/** What stands for a byte that is no character. */
const REPLACEMENT = '\ufffd';

/**
 * Tokens in which every byte of a run that is not UTF-8 as a whole has become U+FFFD, one each, as the tokenizers
 * library decodes byte fallback (a decoder that keeps what is valid within such a run gives other texts). Runs that are
 * UTF-8 stay.
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
