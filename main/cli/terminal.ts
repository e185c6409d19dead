import type { JobProgress } from '../contract/run.ts';
import { escapeControls } from '../figures/escape.ts';
import { createProgressMeter } from '../jobs/progress-meter.ts';

/** Interval between printed lines of progress where no terminal can replace them. */
const LINE_EVERY_MS = 5_000;
const CLEAR_LINE = '\r\u001b[2K';

export interface TerminalStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Messages and progress on standard error: on a terminal one line that is replaced, elsewhere a line at intervals. */
interface Terminal {
  say(line: string): void;
  progress(line: string): void;
  /** Erases the progress line. */
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
      stream.write(`${escapeControls(line)}\n`);
      if (stream.isTTY === true && last !== '') {
        stream.write(last);
        isShown = true;
      }
    },
    progress: (line) => {
      if (stream.isTTY === true) {
        last = escapeControls(line).slice(0, Math.max(20, (stream.columns ?? 80) - 1));
        stream.write(`${CLEAR_LINE}${last}`);
        isShown = true;
        return;
      }
      if (now() - printedAt < LINE_EVERY_MS) return;
      printedAt = now();
      stream.write(`${escapeControls(line)}\n`);
    },
    clear: () => {
      clear();
      last = '';
    },
  };
};

const printedDuration = (elapsedMs: number): string => {
  const seconds = Math.max(1, Math.round(elapsedMs / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
};

/** `61 %, 2 min to 3 min left: Evaluating uncurl-16 on french`. */
export const printedProgress = ({
  done,
  total,
  leftMs,
  description,
}: Pick<JobProgress, 'done' | 'total' | 'leftMs' | 'description'>): string => {
  const share = total > 0 ? `${Math.floor((100 * done) / total)} %` : '0 %';
  if (leftMs === null) return `${share}: ${description}`;
  const [low, high] = [printedDuration(leftMs.low), printedDuration(leftMs.high)];
  return `${share}, ${low === high ? low : `${low} to ${high}`} left: ${description}`;
};

/** Shows the progress of a verb's own work: `61 %: profiling`. */
export const progressOf =
  (show: (line: string) => void, doing: string): ((done: number, total: number) => void) =>
  (done, total) =>
    show(printedProgress({ done, total, leftMs: null, description: doing }));

/** Shows the progress of one piece of work as a line with the time left; pass it as `onProgress`. */
export const progressWithTimeLeft = (
  progress: (line: string) => void,
  description: string,
  now: () => number,
): ((done: number, total: number) => void) => {
  const meter = createProgressMeter({}, now);
  meter.describe(description);
  let begun = false;
  return (done, total) => {
    if (!begun) {
      meter.setTotal(total);
      meter.begin(total);
      begun = true;
    }
    meter.advance(done / total);
    progress(printedProgress(meter.read()));
  };
};
