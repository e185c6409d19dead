import { randomBytes } from 'node:crypto';
import type { RunKind } from '../contract/run.ts';

/** `sweep-20260101-120000-ab12`: kind, UTC date and time, four random hexadecimal digits. */
export const makeRunId = (kind: RunKind, now: Date, random: () => string = () => randomBytes(2).toString('hex')): string => {
  const [date = '', time = ''] = now.toISOString().split('T');
  return `${kind}-${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}-${random()}`;
};
