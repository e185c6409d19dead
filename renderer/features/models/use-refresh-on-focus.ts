import { useEffect } from 'react';
import { useEngine } from '../../engine/engine-context.tsx';

/** Looks at the folders of models and tasks again when the person comes back from another window, where they may have been changed or moved. */
export const useRefreshOnFocus = (): void => {
  const { cache } = useEngine();
  useEffect(() => {
    const refresh = (): void => cache.invalidate((name) => name === 'models.list' || name === 'tasks.list');
    window.addEventListener('focus', refresh);
    return () => window.removeEventListener('focus', refresh);
  }, [cache]);
};
