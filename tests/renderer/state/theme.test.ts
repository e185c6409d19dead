import { expect, onTestFinished, test, vi } from 'vitest';
import { layoutStore } from '../../../renderer/state/layout-store.ts';
import { followTheme } from '../../../renderer/state/theme.ts';

test('the style sheets have the new theme before the window draws with it', () => {
  const dataset: Record<string, string> = {};
  vi.stubGlobal('document', { documentElement: { dataset } });
  let isPaper = false;
  const matchMedia = (query: string) => ({
    matches: query !== 'print' || isPaper,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  });
  vi.stubGlobal('window', { matchMedia });
  onTestFinished(() => void vi.unstubAllGlobals());
  onTestFinished(followTheme());
  const drawnWith: (string | undefined)[] = [];
  // As a component: it subscribes later, and is called at the same change.
  onTestFinished(layoutStore.subscribe(() => drawnWith.push(dataset['theme'])));
  for (const theme of ['dark', 'light', 'system'] as const) layoutStore.getState().chooseTheme(theme);
  expect(drawnWith).toEqual(['dark', 'light', 'dark']);
  // Paper is light, whatever is chosen.
  isPaper = true;
  for (const theme of ['dark', 'system'] as const) layoutStore.getState().chooseTheme(theme);
  expect(drawnWith.slice(3)).toEqual(['light', 'light']);
});
