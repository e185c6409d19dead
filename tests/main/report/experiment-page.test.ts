import { expect, it } from 'vitest';
import { experimentDocument } from '../../../main/evaluation/experiment/document.ts';
import { experimentPage } from '../../../main/report/experiment-page.ts';
import { answers, arm, record } from '../evaluation/experiment/made-up.ts';
import { sampleManifest } from '../figures/sample-run.ts';

const made = record([arm(8, 8, answers(20)), arm(32, 32, answers(0)), arm(32, 8, answers(0))], { sizes: [8, 32] });
const published = {
  source: 'A paper <of> theirs',
  url: 'https://example.org/paper',
  note: 'No intervals.',
  tasks: ['T'],
  scratch: [{ experts: 8, values: [50] }],
  rows: [{ method: 'Theirs', experts: 32, kept: 8, values: [51.5] }],
};

const plain = (task: string): string => task;

it('shows each question, its signs with intervals, and separately the published table', () => {
  const page = experimentPage(sampleManifest, experimentDocument(made, { published }), plain);
  for (const id of ['scratch', 'unpruned', 'published', 'notes', 'record'])
    expect(page).toContain(`<section id="${id}"`);
  expect(page).toContain('<b>+</b> +6.7 [+4.3, +10.1]');
  expect(page).toContain('A paper &lt;of&gt; theirs');
  expect(page).toContain('+1.50');
  expect(page).not.toMatch(/<script|https?:\/\/(?!example\.org)/);
  const [{ name } = { name: '' }] = experimentDocument(made).tasks;
  const titled = experimentPage(sampleManifest, experimentDocument(made), () => 'Sums <of> two');
  expect(titled).toContain('Sums &lt;of&gt; two (n\u00a0=\u00a0');
  expect(titled).not.toMatch(new RegExp(`<th[^>]*>${name}<|>${name}<`));
  expect(page).toMatch(new RegExp(`>${name}<`));
  expect(experimentPage({ ...sampleManifest, state: 'running' }, experimentDocument(made), plain)).toContain(
    'not finished',
  );
});
