import { useSyncExternalStore } from 'react';
import { useStore } from 'zustand';
import { layoutStore } from './layout-store.ts';
import type { Theme } from './layout-store.ts';

/** Sets the theme for the style sheets; "system" leaves it to the media query. */
const applyTheme = (theme: Theme): void => {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
};

/**
 * Keeps the style sheets' theme in step with the chosen one. Called before anything renders, so that canvases, which
 * read colours from the style sheets, are repainted after the style sheets have changed. Returns how to stop.
 */
export const followTheme = (): (() => void) => {
  applyTheme(layoutStore.getState().theme);
  return layoutStore.subscribe(({ theme }) => applyTheme(theme));
};

export type ResolvedTheme = 'light' | 'dark';

const darkQuery = (): MediaQueryList => window.matchMedia('(prefers-color-scheme: dark)');

const subscribeSystem = (listener: () => void): (() => void) => {
  const query = darkQuery();
  query.addEventListener('change', listener);
  return () => query.removeEventListener('change', listener);
};

const resolveTheme = (theme: Theme, systemDark: boolean): ResolvedTheme =>
  theme === 'system' ? (systemDark ? 'dark' : 'light') : theme;

/** The theme in use; follows the system if set to "system". */
export const useResolvedTheme = (): ResolvedTheme => {
  const theme = useStore(layoutStore, (state) => state.theme);
  const systemDark = useSyncExternalStore(subscribeSystem, () => darkQuery().matches);
  return resolveTheme(theme, systemDark);
};
