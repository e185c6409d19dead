import type { VerbOption } from './verb.ts';

/** Reads thresholds so that their level holds for all of a sweep together. */
export const FAMILYWISE: Readonly<Record<'familywise', VerbOption>> = {
  familywise: {
    type: 'boolean',
    help:
      'Tell thresholds so that the chance of any wrong one among all is at most 5 % (Bonferroni over model, ' +
      'task, method).',
  },
};
