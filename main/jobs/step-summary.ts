import type { ProgressMeter } from './progress-meter.ts';

/** What a finished job really did, so that one that only read from disk does not pretend work. */
export const stepSummary = ({ computed, reused }: Pick<ProgressMeter, 'computed' | 'reused'>): string => {
  const total = computed + reused;
  const steps = total === 1 ? 'step' : 'steps';
  return `${String(computed)} of ${String(total)} ${steps} computed, ${String(reused)} reused from disk.`;
};
