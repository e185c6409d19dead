import { refuse } from '../../contract/errors.ts';

/**
 * Requires a statistic that a profile contains only if a method asked for it.
 *
 * @throws WorkbenchError `profile-too-thin` where the profile was made without it.
 */
export const requireStatistic = <T>(statistic: T | undefined, what: string): T => {
  if (statistic !== undefined) return statistic;
  throw refuse(
    'profile-too-thin',
    `The profile does not contain ${what}.`,
    'Profile the model again for this method: it needs more than routing.',
  );
};
