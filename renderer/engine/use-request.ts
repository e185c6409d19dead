import { useCallback, useState } from 'react';
import { useEngine } from './engine-context.tsx';
import type { Engine } from './engine-context.tsx';
import { noticesStore } from '../state/notices-store.ts';

/** For buttons that act on one row of a list: performs, reports what goes wrong, and says while it is under way. */
export const useRequest = (): {
  readonly busy: boolean;
  readonly start: (work: (engine: Engine) => Promise<unknown>) => void;
} => {
  const engine = useEngine();
  const [busy, setBusy] = useState(false);
  const start = useCallback(
    (work: (engine: Engine) => Promise<unknown>): void => {
      setBusy(true);
      work(engine)
        .catch((error: unknown) => noticesStore.getState().report(error))
        .finally(() => setBusy(false));
    },
    [engine],
  );
  return { busy, start };
};
