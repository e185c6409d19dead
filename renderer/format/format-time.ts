import { durationParts } from '../../main/words/numbers.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** "2–3 min left"; one number if both ends round to the same. */
export const formatTimeLeft = (left: { readonly low: number; readonly high: number } | null): string => {
  if (left === null) return 'time left unknown';
  const [low, lowUnit] = durationParts(left.low);
  const [high, highUnit] = durationParts(left.high);
  if (lowUnit !== highUnit) return `${low}\u202f${lowUnit} – ${high}\u202f${highUnit} left`;
  return low === high ? `~${low}\u202f${lowUnit} left` : `${low}–${high}\u202f${lowUnit} left`;
};

const timeOfDay = (then: Date): string => then.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });

/** "26 Nov, 10:22", with the year unless it is the current one; distinguishes runs of one day. */
export const formatMoment = (iso: string, now: Date): string => {
  const then = new Date(iso);
  const year = now.getFullYear() === then.getFullYear() ? undefined : 'numeric';
  return `${then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year })}, ${timeOfDay(then)}`;
};

/** "just now", "12 min ago", the time if it was today, else date and time. */
export const formatWhen = (iso: string, now: Date): string => {
  const then = new Date(iso);
  const age = now.getTime() - then.getTime();
  // A date ahead of the clock (another machine's, or of a clock that was set back) is shown as it is.
  if (age < -MINUTE) return formatMoment(iso, now);
  if (age < MINUTE) return 'just now';
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  if (age < 24 * HOUR && now.getDate() === then.getDate()) return timeOfDay(then);
  return formatMoment(iso, now);
};
