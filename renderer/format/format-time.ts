const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const amount = (milliseconds: number): readonly [number, string] => {
  if (milliseconds < 90 * SECOND) return [Math.max(1, Math.round(milliseconds / SECOND)), 's'];
  if (milliseconds < 90 * MINUTE) return [Math.round(milliseconds / MINUTE), 'min'];
  return [Math.round((milliseconds / HOUR) * 10) / 10, 'h'];
};

export const formatDuration = (milliseconds: number): string => amount(milliseconds).join('\u202f');

/** "2–3 min left"; one number if both ends round to the same. */
export const formatTimeLeft = (left: { readonly low: number; readonly high: number } | null): string => {
  if (left === null) return 'time left unknown';
  const [low, lowUnit] = amount(left.low);
  const [high, highUnit] = amount(left.high);
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

/** "just now", "12 min ago", the time if today, else date and time. */
export const formatWhen = (iso: string, now: Date): string => {
  const then = new Date(iso);
  const age = now.getTime() - then.getTime();
  if (age < MINUTE) return 'just now';
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  if (age < 24 * HOUR && now.getDate() === then.getDate()) return timeOfDay(then);
  return formatMoment(iso, now);
};
