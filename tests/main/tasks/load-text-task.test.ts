import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { PASSAGE_CHARACTERS, textPassages } from '../../../main/tasks/load-text-task.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const fixtures = new URL('../../fixtures/tasks', import.meta.url).pathname;

test('packs whole paragraphs, names the line where each passage begins', () => {
  const paragraph = (letter: string): string => `${letter.repeat(600)}\n${letter.repeat(600)}`;
  const passages = textPassages(`\n${paragraph('a')}\n \n\n${paragraph('b')}\r\n\r\nend\n`, 'line');
  expect(passages).toEqual([
    { id: 'line:2', text: paragraph('a') },
    { id: 'line:6', text: `${paragraph('b')}\n\nend` },
  ]);
});

test('cuts a long paragraph at white space, or if there is none at the limit', () => {
  const words = 'word '.repeat(1_000).trimEnd();
  const passages = textPassages(`${words}\n\nnext`, 'line');
  expect(passages.map(({ id }) => id)).toEqual(['line:1', 'line:1.1', 'line:1.2']);
  expect(passages.map(({ text }) => text).join('')).toBe(`${words}\n\nnext`);
  expect(passages[0]?.text.endsWith('word ')).toBe(true);
  const solid = textPassages('\u{1f600}'.repeat(3_000), 'line');
  for (const { text } of solid) expect(text.isWellFormed()).toBe(true);
});

test('loses nothing but blank lines, keeps within the limit, gives every passage its own id', () => {
  const piece = fc.oneof(
    fc.constantFrom('\n', '\n\n', ' ', '\n \n'),
    fc.string({ maxLength: 40 }),
    fc.nat({ max: 5_000 }).map((length) => 'x'.repeat(length)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('').replaceAll('\r', '');
      const passages = textPassages(text, 'line');
      const visible = (whole: string): string => whole.replace(/\s+/g, '');
      expect(visible(passages.map((passage) => passage.text).join(''))).toBe(visible(text));
      expect(Math.max(0, ...passages.map((passage) => passage.text.length))).toBeLessThanOrEqual(PASSAGE_CHARACTERS);
      expect(new Set(passages.map(({ id }) => id)).size).toBe(passages.length);
      const lines = text.split('\n');
      for (const { id, text: passage } of passages)
        expect(lines[Number.parseInt(id.slice(5), 10) - 1]).toContain(passage.split('\n')[0]);
    }),
  );
});

test('a text file: the first half is profiled, the second measured, and no text is in both', async () => {
  const file = join(await temporaryFolder(), 'novel.txt');
  const long = (word: string): string => `${word} `.repeat(400).trimEnd();
  await writeFile(
    file,
    [long('alpha'), long('beta'), long('once'), long('gamma'), long('delta'), long('alpha')].join('\n\n'),
  );
  const task = await loadTask(file);
  expect(task).toMatchObject({ name: 'novel', metric: 'perplexity', source: 'novel.txt' });
  expect(task.calibration.map(({ id }) => id)).toEqual(['line:3', 'line:5', 'line:7']);
  expect(task.test.map(({ id }) => id)).toEqual(['line:7.1', 'line:9', 'line:9.1', 'line:11', 'line:11.1']);
  const tested = new Set(task.test.map((item) => 'text' in item && item.text));
  for (const item of task.calibration) expect(tested.has('text' in item && item.text)).toBe(false);
  expect(task.description).toContain('2 calibration items were left out');
  expect(task.description).toContain('The first half of the passages is the calibration split');
});

test('a folder with train.txt and test.txt', async () => {
  const task = await loadTask(join(fixtures, 'text-folder'));
  expect(task).toMatchObject({
    name: 'text-folder',
    metric: 'perplexity',
    calibration: [{ id: 'train:1', text: 'The first paragraph.\nIt has two lines.\n\nThe second.' }],
    test: [{ id: 'test:1', text: 'Another text.' }],
  });
});

test('a file without text is refused', async () => {
  const file = join(await temporaryFolder(), 'empty.txt');
  await writeFile(file, '\n \n');
  await expect(loadTask(file)).rejects.toThrow(/empty\.txt contains no text/);
});
