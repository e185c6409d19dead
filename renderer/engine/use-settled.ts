import { useEffect, useRef, useState } from 'react';
import { inputKey } from './query-cache.ts';

/** `value`, once it has stayed equal (as JSON) for `delayMs`. */
export const useDebounced = <T>(value: T, delayMs: number): T => {
  const [settled, setSettled] = useState(value);
  const key = inputKey(value);
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  useEffect(() => {
    const timer = setTimeout(() => setSettled(latest.current), delayMs);
    return () => clearTimeout(timer);
  }, [key, delayMs]);
  return settled;
};

interface Taken<T> {
  /** Represents the value: equal values have equal keys. */
  readonly key: string;
  readonly value: T;
  readonly isMoving: boolean;
}

/** What to show of a value that moves: its first step and its end at once; `taken` in between. */
export const takenNow = <T>(taken: Taken<T>, now: Taken<T>): Taken<T> => {
  const isSame = taken.key === now.key;
  if (now.isMoving ? taken.isMoving || isSame : isSame && !taken.isMoving) return taken;
  return isSame ? { ...taken, isMoving: false } : now;
};

/**
 * `value` at once, but while it is being moved (a dragged slider, a held key) only its first step, and then what has
 * stayed equal (as JSON) for `delayMs`; the last one as soon as the movement ends.
 */
export const useUnlessMoving = <T>(value: T, isMoving: boolean, delayMs: number): T => {
  const key = inputKey(value);
  const [taken, take] = useState<Taken<T>>({ key, value, isMoving });
  const shown = takenNow(taken, { key, value, isMoving });
  if (shown !== taken) take(shown);
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  const isWaiting = shown.key !== key;
  useEffect(() => {
    if (!isWaiting) return undefined;
    const timer = setTimeout(() => take({ key, value: latest.current, isMoving: true }), delayMs);
    return () => clearTimeout(timer);
  }, [key, isWaiting, delayMs]);
  return shown.value;
};

/** The last defined value, so that a drawing stays while the next answer is fetched. Reset when `scope` changes. */
export const useLasting = <T>(value: T | undefined, scope: string): T | undefined => {
  const [kept, setKept] = useState<{ readonly scope: string; readonly value: T | undefined }>({ scope, value });
  if (kept.scope !== scope || (value !== undefined && kept.value !== value)) {
    setKept({ scope, value });
    return value;
  }
  return value ?? kept.value;
};
