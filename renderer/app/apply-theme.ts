import type { Theme } from '../state/layout-store.ts';

/** Tells the style sheets which theme to use; "system" leaves it to the media query. */
export const applyTheme = (theme: Theme): void => {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
};
