import axe from 'axe-core';
import type { Page } from '@playwright/test';
import { z } from 'zod';

// The window has the same page; in the old Electron of the window tests axe-core did not terminate.
const violations = z.array(
  z.object({ rule: z.string(), impact: z.string().nullable(), elements: z.array(z.string()) }),
);

/** Violations found by axe-core in the current page, in both themes. */
export const axeFindings = async (page: Page): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    // The page's policy forbids foreign scripts; the browser's own protocol may inject one.
    await page.evaluate(axe.source);
    const answer: unknown = await page.evaluate(
      `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map((one) => ({
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
