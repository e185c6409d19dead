import path from 'node:path';
import { expect, it } from 'vitest';
import { helpOn, loadVerb } from '../../../main/cli/help.ts';
import { verbs } from '../../../main/cli/verbs.ts';

const resources = path.join(import.meta.dirname, '../../../resources');

it('lists verbs and topics, and prints a page of the documentation', async () => {
  const { text } = await helpOn(undefined, resources, undefined);
  expect(text).toMatch(/^ {2}sweep /m);
  expect(text).toMatch(/^ {2}verdicts +When is a pruning factor safe/m);
  const page = await helpOn('verdicts', resources, undefined);
  expect(page.text).toMatch(/^# Verdicts and thresholds\n/);
  expect(page.document).toMatchObject({ name: 'verdicts', text: page.text });
});

it('summarises the verbs that a newcomer needs, names the others, and summarises all on request', async () => {
  const { text } = await helpOn(undefined, resources, undefined);
  expect(text).toMatch(/\nStart:\n(?: {2}.*\n)* {2}sweep +Measures pruned models/);
  expect(text).not.toMatch(/^ {2}submit /m);
  expect(text).toMatch(/^ {2}Other machines +connect, submit, work, steps$/m);
  const all = await helpOn('all', resources, undefined);
  for (const name of Object.keys(verbs)) expect(all.text).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'));
  expect(all.text).not.toContain('Further verbs');
});

it('lists the options of a sweep in groups, each once', async () => {
  const { text } = await helpOn('sweep', resources, undefined);
  const { options } = await loadVerb('sweep');
  for (const name of Object.keys(options))
    expect(text.match(new RegExp(`^ {2}--${name}(?: |$)`, 'gm'))).toHaveLength(1);
  expect(text).toMatch(/\nWhat to measure:\n {2}--task T /);
});

it('prefers a verb, and names the nearest topic where there is neither', async () => {
  expect((await helpOn('methods', resources, undefined)).text).toContain('uncurl methods');
  await expect(helpOn('verdict', resources, undefined)).rejects.toMatchObject({
    code: 'bad-usage',
    message: 'There is no verb or topic "verdict".',
    remedy: 'Did you mean "verdicts"?',
  });
});
