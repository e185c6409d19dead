import { expect, onTestFinished, test, vi } from 'vitest';
import { layoutStore } from '../../../renderer/state/layout-store.ts';
import { followTheme } from '../../../renderer/state/theme.ts';

test('the style sheets have the new theme before the window draws with it', () => {
  const dataset: Record<string, string> = {};
  vi.stubGlobal('document', { documentElement: { dataset } });
  const system = { matches: true, addEventListener: () => undefined, removeEventListener: () => undefined };
  vi.stubGlobal('window', { matchMedia: () => system });
  onTestFinished(() => void vi.unstubAllGlobals());
  onTestFinished(followTheme());
  const drawnWith: (string | undefined)[] = [];
  // As a component: it subscribes later, and is called at the same change.
  onTestFinished(layoutStore.subscribe(() => drawnWith.push(dataset['theme'])));
  for (const theme of ['dark', 'light', 'system'] as const) layoutStore.getState().chooseTheme(theme);
  expect(drawnWith).toEqual(['dark', 'light', 'dark']);
});
