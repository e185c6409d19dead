import { useEffect } from 'react';
import { useQuery } from '../engine/engine-context.tsx';
import { inputKey } from '../engine/query-cache.ts';
import { layoutStore } from '../state/layout-store.ts';
import { sweepStore } from '../state/sweep-store.ts';

/** Applies the stored user settings when they are first known and whenever they change, here or in another page. */
export const useSettings = (): void => {
  const settings = useQuery('settings.read', {}).data?.settings;
  const theme = settings?.theme ?? null;
  useEffect(() => {
    if (theme !== null) layoutStore.getState().chooseTheme(theme);
  }, [theme]);
  const delta = settings?.delta ?? null;
  useEffect(() => {
    if (delta !== null && !sweepStore.getState().isFromAddress) sweepStore.getState().choose('delta', delta);
  }, [delta]);
  const methods = settings?.methods ?? null;
  const methodsKey = inputKey(methods);
  useEffect(() => {
    if (methods !== null && !sweepStore.getState().isFromAddress) sweepStore.getState().chooseMethods(methods);
    // `methodsKey` represents `methods`: an equal list must not undo later ticks.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [methodsKey]);
};
