import type { JobProgress } from '../contract/run.ts';

const printedDuration = (elapsedMs: number): string => {
  const seconds = Math.max(1, Math.round(elapsedMs / 1000));
  if (seconds < 60) return `${String(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${String(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
};

/** `61 %, 2 min to 3 min left: Evaluating uncurl-16 on french`. */
export const printedProgress = ({
  done,
  total,
  leftMs,
  description,
}: Pick<JobProgress, 'done' | 'total' | 'leftMs' | 'description'>): string => {
  const share = total > 0 ? `${String(Math.floor((100 * done) / total))} %` : '0 %';
  if (leftMs === null) return `${share}: ${description}`;
  const [low, high] = [printedDuration(leftMs.low), printedDuration(leftMs.high)];
  return `${share}, ${low === high ? low : `${low} to ${high}`} left: ${description}`;
};
