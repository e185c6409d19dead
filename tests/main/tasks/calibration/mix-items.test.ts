import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { calibrate, loadTaskDocument, writeTaskDocument } from '../../../../main/tasks/calibration/task-document.ts';
import { mixItems } from '../../../../main/tasks/calibration/task-document.ts';
import { loadTask } from '../../../../main/tasks/load-task.ts';
import { profiledText } from '../../../../main/tasks/task.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

const texts = (name: string, lengths: readonly number[]) =>
  lengths.map((length, index) => ({ id: String(index), text: `${name}${String(index)}`.padEnd(length, name) }));
const written = async (folder: string, name: string, lengths: readonly number[]): Promise<string> => {
  const file = join(folder, `${name}.jsonl`);
  await writeFile(
    file,
    texts(name, lengths)
      .map((item) => JSON.stringify(item))
      .join('\n'),
  );
  return file;
};
const charactersOf = (items: readonly { readonly id: string; readonly text: string }[], name: string): number =>
  items.filter(({ id }) => id.startsWith(`${name}:`)).reduce((sum, { text }) => sum + text.length, 0);

describe('a mix', () => {
  const parts = [
    {
      path: '/x/a.jsonl',
      weight: 7,
      items: texts(
        'a',
        Array.from({ length: 300 }, (_, index) => 20 + (index % 30)),
      ),
      turns: null,
    },
    { path: '/x/b.jsonl', weight: 3, items: texts('b', [100, 200, 300]), turns: null },
  ];

  it('has the weights as shares of its text, and takes the shortest source whole', () => {
    const { items, note, turns } = mixItems(parts, 0);
    const own = items.map((item) => ('text' in item ? item : expect.fail('no text')));
    expect(charactersOf(own, 'b')).toBe(600);
    // A share of 7 to 600 characters of 3; no item of the first has more than 49.
    expect(Math.abs(charactersOf(own, 'a') - 1400)).toBeLessThan(50);
    expect(turns).toBeNull();
    const share = String.raw`\d+\.\d % \(\d+ items\)`;
    expect(note).toMatch(
      new RegExp(`^Mixed by characters: a\\.jsonl ${share}, b\\.jsonl ${share}, for the weights 7:3\\.$`),
    );
    expect(note).toMatch(/a\.jsonl (?:69|70)\./);
  });

  it('is drawn by its seed, and never twice the same item', () => {
    const ids = (seed: number): readonly string[] => mixItems(parts, seed).items.map(({ id }) => id);
    expect(ids(0)).toEqual(ids(0));
    expect(ids(0)).not.toEqual(ids(1));
    expect(new Set(ids(0)).size).toBe(ids(0).length);
  });

  it('is part of a task, without tested items, and refused for items of several kinds', async () => {
    const folder = await temporaryFolder();
    const [a, b] = [await written(folder, 'a', [50, 60, 70, 80, 90]), await written(folder, 'b', [40, 40, 40])];
    const items = join(folder, 'own.jsonl');
    await writeFile(
      items,
      [{ id: 'q', text: texts('b', [40])[0]?.text }].map((item) => JSON.stringify(item)).join('\n'),
    );
    const choice = {
      from: 'mix' as const,
      seed: 0,
      parts: [
        { path: a, weight: 2 },
        { path: b, weight: 1 },
      ],
    };
    const { task } = await calibrate(await loadTask(items), choice, loadTask);
    expect(task.calibration.map(({ id }) => id)).not.toContain('b:0');
    expect(task.calibration.map(profiledText)).not.toContain(profiledText(task.test[0] ?? expect.fail('no item')));
    expect(task.calibration.filter(({ id }) => id.startsWith('b:'))).toHaveLength(2);
    expect(task.description).toContain('for the weights 2:1');
    const document = await writeTaskDocument(folder, { items, calibration: choice }, folder);
    const again = await loadTaskDocument(document, (path) => path, loadTask);
    expect(again.hash).toBe(task.hash);
    const chosen = join(folder, 'chosen.jsonl');
    await writeFile(chosen, JSON.stringify({ id: 'c', context: 'x', choices: [' a', ' b'], answer: 0 }));
    const mixed = { ...choice, parts: [...choice.parts, { path: chosen, weight: 1 }] };
    await expect(calibrate(await loadTask(items), mixed, loadTask)).rejects.toThrow('which are texts');
  });
});
