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

/** The last defined value, so that a drawing stays while the next answer is fetched. Reset when `scope` changes. */
export const useLasting = <T>(value: T | undefined, scope: string): T | undefined => {
  const [kept, setKept] = useState<{ readonly scope: string; readonly value: T | undefined }>({ scope, value });
  if (kept.scope !== scope || (value !== undefined && kept.value !== value)) {
    setKept({ scope, value });
    return value;
  }
  return value ?? kept.value;
};
