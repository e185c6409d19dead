import axe from 'axe-core';
import type { Locator, Page } from '@playwright/test';

// The window has the same page; in the old Electron of the window tests axe-core did not terminate.

/** What each theme is checked for: the elements are the same in both, so that in the second only colours can differ. */
const themes: readonly { readonly theme: 'light' | 'dark'; readonly rules: axe.RunOptions }[] = [
  { theme: 'light', rules: {} },
  { theme: 'dark', rules: { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } } },
];

/**
 * Violations found by axe-core in the current page, in both themes; or in `part` alone, where all else stands as it was
 * checked before.
 */
export const axeFindings = async (page: Page, part: Locator = page.locator('html')): Promise<readonly string[]> => {
  const found: string[] = [];
  // The page's policy forbids foreign scripts; the browser's own protocol may inject one.
  if (await page.evaluate(() => !('axe' in globalThis))) await page.evaluate(axe.source);
  for (const { theme, rules } of themes) {
    await page.emulateMedia({ colorScheme: theme });
    const violations = await part.evaluate(async (element, chosen) => {
      const injected = (globalThis as unknown as { readonly axe: typeof axe }).axe;
      const results = await injected.run(element as HTMLElement, { ...chosen, resultTypes: ['violations'] });
      return results.violations.map(({ id, impact, nodes }) => ({
        rule: `${id} (${impact ?? '?'})`,
        elements: nodes.map((node) => node.target.join(' ')),
      }));
    }, rules);
    found.push(...violations.map(({ rule, elements }) => `${theme}: ${rule} at ${elements.slice(0, 4).join(', ')}`));
  }
  return found;
};
