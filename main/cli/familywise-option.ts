import type { VerbOption } from './verb.ts';

/** Reads thresholds at a level that holds for all thresholds of a sweep together. */
export const FAMILYWISE: Readonly<Record<'familywise', VerbOption>> = {
  familywise: {
    type: 'boolean',
    help:
      'Compute thresholds so that the chance of any wrong one among all is at most 5 % (Bonferroni over model, ' +
      'task, method).',
  },
};
