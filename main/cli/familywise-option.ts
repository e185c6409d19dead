import type { VerbOption } from './verb.ts';

/** Reads the thresholds of a sweep at a level that holds for all of them together. */
export const FAMILYWISE: Readonly<Record<'familywise', VerbOption>> = {
  familywise: {
    type: 'boolean',
    help:
      'Compute thresholds so that the chance of any wrong one among all is at most 5 % (Bonferroni over model, ' +
      'task, method).',
  },
};

/** Reads the thresholds of a sweep by another margin, or at another level. */
export const READING_OPTIONS: Readonly<Record<'delta' | 'familywise', VerbOption>> = {
  delta: {
    type: 'string',
    value: 'X',
    help: 'Margin of the threshold rule in accuracy (default: that of the sweep).',
  },
  ...FAMILYWISE,
};
