import axe from 'axe-core';
import type { Page } from '@playwright/test';
import { z } from 'zod';

// The window has the same page; in the old Electron of the window tests axe-core did not terminate.
const violations = z.array(
  z.object({ rule: z.string(), impact: z.string().nullable(), elements: z.array(z.string()) }),
);

/** What each theme is checked for: the elements are the same in both, so that in the second only colours can differ. */
const themes = [
  { theme: 'light', rules: '' },
  { theme: 'dark', rules: "runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }, " },
] as const;

/** Violations found by axe-core in the current page, in both themes. */
export const axeFindings = async (page: Page): Promise<readonly string[]> => {
  const found: string[] = [];
  // The page's policy forbids foreign scripts; the browser's own protocol may inject one.
  if (await page.evaluate(() => !('axe' in globalThis))) await page.evaluate(axe.source);
  for (const { theme, rules } of themes) {
    await page.emulateMedia({ colorScheme: theme });
    const answer: unknown = await page.evaluate(
      `axe.run(document, { ${rules}resultTypes: ['violations'] }).then(({ violations }) => violations.map((one) => ({
        rule: one.id, impact: one.impact, elements: one.nodes.map((node) => node.target.join(' ')),
      })))`,
    );
    found.push(
      ...violations
        .parse(answer)
        .map(
          ({ rule, impact, elements }) => `${theme}: ${rule} (${impact ?? '?'}) at ${elements.slice(0, 4).join(', ')}`,
        ),
    );
  }
  return found;
};
