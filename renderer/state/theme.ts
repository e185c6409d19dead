import { useSyncExternalStore } from 'react';
import { useStore } from 'zustand';
import { layoutStore, type Theme } from './layout-store.ts';

export type ResolvedTheme = 'light' | 'dark';

const queries = ['(prefers-color-scheme: dark)', 'print'] as const;

/** Whether the system is dark, or the page is being printed: on paper, it is always light. */
const subscribeSystem = (listener: () => void): (() => void) => {
  const lists = queries.map((query) => window.matchMedia(query));
  lists.forEach((list) => list.addEventListener('change', listener));
  return () => lists.forEach((list) => list.removeEventListener('change', listener));
};

const systemTheme = (): ResolvedTheme | 'paper' => {
  const [isDark, isPaper] = queries.map((query) => window.matchMedia(query).matches);
  return isPaper === true ? 'paper' : isDark === true ? 'dark' : 'light';
};

const resolveTheme = (theme: Theme, system: ResolvedTheme | 'paper'): ResolvedTheme => {
  if (system === 'paper') return 'light';
  return theme === 'system' ? system : theme;
};

/** Sets the theme for the style sheets. */
const applyTheme = (): void => {
  document.documentElement.dataset['theme'] = resolveTheme(layoutStore.getState().theme, systemTheme());
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

/** The theme in use; follows the system if set to "system"; light on paper. */
export const useResolvedTheme = (): ResolvedTheme => {
  const theme = useStore(layoutStore, (state) => state.theme);
  return resolveTheme(theme, useSyncExternalStore(subscribeSystem, systemTheme));
};
