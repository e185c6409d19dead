import path from 'node:path';
import { expect, it } from 'vitest';
import { helpOn } from '../../../main/cli/help.ts';

const resources = path.join(import.meta.dirname, '../../../resources');

it('lists verbs and topics, and prints a page of the documentation', async () => {
  const { text } = await helpOn(undefined, resources, undefined);
  expect(text).toMatch(/^ {2}sweep /m);
  expect(text).toMatch(/^ {2}verdicts +When is a pruning factor safe/m);
  const page = await helpOn('verdicts', resources, undefined);
  expect(page.text).toMatch(/^# Verdicts and thresholds\n/);
  expect(page.document).toMatchObject({ name: 'verdicts', text: page.text });
});

it('prefers a verb, and names the nearest topic where there is neither', async () => {
  expect((await helpOn('methods', resources, undefined)).text).toContain('uncurl methods');
  await expect(helpOn('verdict', resources, undefined)).rejects.toMatchObject({
    code: 'bad-usage',
    message: 'There is no verb or topic "verdict".',
    remedy: 'Did you mean "verdicts"?',
  });
});
