import { useSyncExternalStore } from 'react';
import { useStore } from 'zustand';
import { layoutStore } from './layout-store.ts';
import type { Theme } from './layout-store.ts';

export type ResolvedTheme = 'light' | 'dark';

const darkQuery = (): MediaQueryList => window.matchMedia('(prefers-color-scheme: dark)');

const subscribeSystem = (listener: () => void): (() => void) => {
  const query = darkQuery();
  query.addEventListener('change', listener);
  return () => query.removeEventListener('change', listener);
};

const resolveTheme = (theme: Theme, systemDark: boolean): ResolvedTheme =>
  theme === 'system' ? (systemDark ? 'dark' : 'light') : theme;

/** Sets the theme for the style sheets. */
const applyTheme = (): void => {
  document.documentElement.dataset['theme'] = resolveTheme(layoutStore.getState().theme, darkQuery().matches);
};

/**
 * Keeps the style sheets' theme in step with the one in use. Called before anything renders, so that canvases, which
 * read colours from the style sheets, are repainted after the style sheets have changed. Returns how to stop.
 */
export const followTheme = (): (() => void) => {
  applyTheme();
  const stops = [layoutStore.subscribe(applyTheme), subscribeSystem(applyTheme)];
  return () => stops.forEach((stop) => stop());
};

/** The theme in use; follows the system if set to "system". */
export const useResolvedTheme = (): ResolvedTheme => {
  const theme = useStore(layoutStore, (state) => state.theme);
  const systemDark = useSyncExternalStore(subscribeSystem, () => darkQuery().matches);
  return resolveTheme(theme, systemDark);
};
