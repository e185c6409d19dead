import { useSyncExternalStore } from 'react';
import { useStore } from 'zustand';
import { layoutStore } from '../state/layout-store.ts';
import type { Theme } from '../state/layout-store.ts';

export type ResolvedTheme = 'light' | 'dark';

const darkQuery = window.matchMedia('(prefers-color-scheme: dark)');

const subscribeSystem = (listener: () => void): (() => void) => {
  darkQuery.addEventListener('change', listener);
  return () => darkQuery.removeEventListener('change', listener);
};

export const resolveTheme = (theme: Theme, systemDark: boolean): ResolvedTheme =>
  theme === 'system' ? (systemDark ? 'dark' : 'light') : theme;

/** The theme in use, following the system where the person left it to the system. */
export const useResolvedTheme = (): ResolvedTheme => {
  const theme = useStore(layoutStore, (state) => state.theme);
  const systemDark = useSyncExternalStore(subscribeSystem, () => darkQuery.matches);
  return resolveTheme(theme, systemDark);
};
