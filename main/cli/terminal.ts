/** How often a line of progress is printed where no terminal can replace it. */
const LINE_EVERY_MS = 5_000;
const CLEAR_LINE = '\r\u001b[2K';

export interface TerminalStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Messages and progress on standard error: one line that is replaced on a terminal, a line now and then elsewhere. */
export interface Terminal {
  say(line: string): void;
  progress(line: string): void;
  /** Takes the progress line away. */
  clear(): void;
}

export const createTerminal = (stream: TerminalStream, now: () => number): Terminal => {
  let isShown = false;
  let printedAt = Number.NEGATIVE_INFINITY;
  let last = '';
  const clear = (): void => {
    if (isShown) stream.write(CLEAR_LINE);
    isShown = false;
  };
  return {
    say: (line) => {
      clear();
      stream.write(`${line}\n`);
      if (stream.isTTY === true && last !== '') {
        stream.write(last);
        isShown = true;
      }
    },
    progress: (line) => {
      if (stream.isTTY === true) {
        last = line.slice(0, Math.max(20, (stream.columns ?? 80) - 1));
        stream.write(`${CLEAR_LINE}${last}`);
        isShown = true;
        return;
      }
      if (now() - printedAt < LINE_EVERY_MS) return;
      printedAt = now();
      stream.write(`${line}\n`);
    },
    clear: () => {
      clear();
      last = '';
    },
  };
};
