const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** A duration rounded to its unit: seconds up to a minute and a half, minutes up to an hour and a half, else hours. */
export const durationParts = (milliseconds: number): readonly [number, string] => {
  if (milliseconds < 90 * SECOND) return [Math.max(1, Math.round(milliseconds / SECOND)), 's'];
  if (milliseconds < 90 * MINUTE) return [Math.round(milliseconds / MINUTE), 'min'];
  return [Math.round((milliseconds / HOUR) * 10) / 10, 'h'];
};

export const formatDuration = (milliseconds: number): string => durationParts(milliseconds).join('\u202f');
