import { useState } from 'react';

/** The last value that was there: keeps a drawing steady while the next answer is on its way. Reset by `scope`. */
export const useLasting = <T>(value: T | undefined, scope: string): T | undefined => {
  const [kept, setKept] = useState<{ readonly scope: string; readonly value: T | undefined }>({ scope, value });
  if (kept.scope !== scope || (value !== undefined && kept.value !== value)) {
    setKept({ scope, value });
    return value;
  }
  return value ?? kept.value;
};
