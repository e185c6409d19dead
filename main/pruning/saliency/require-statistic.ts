import { refuse } from '../../contract/errors.ts';

/**
 * A statistic that a profile holds only where a method asked for it.
 *
 * @throws WorkbenchError `profile-too-thin` where the profile was made without it.
 */
export const requireStatistic = <T>(statistic: T | undefined, what: string): T => {
  if (statistic !== undefined) return statistic;
  throw refuse(
    'profile-too-thin',
    `The profile does not hold ${what}.`,
    'Profile the model again for this method: it looks at more than routing.',
  );
};
