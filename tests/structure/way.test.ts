import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root } from './project-files.ts';

const guide = readFileSync(path.join(root, 'CONTRIBUTING.md'), 'utf8');
const [, section = ''] = /## From settings to a stored result\n([^]*?)\n## /.exec(guide) ?? [];

/** Files of the way of a measurement, each with the functions that the guide names there. */
const way = [...section.matchAll(/^\| `(main\/[^`]+)` \| (.+) \|$/gm)].map(([, file = '', words = '']) => ({
  file,
  names: [...words.matchAll(/`([\w.]+)`/g)].flatMap(([, name = '']) => (name.endsWith('.json') ? [] : [name])),
}));

test('the way of a measurement in CONTRIBUTING.md names functions that are there, and counts them', () => {
  for (const { file, names } of way) {
    expect(names.length, file).toBeGreaterThan(0);
    const source = readFileSync(path.join(root, file), 'utf8');
    for (const name of names) {
      const declared = new RegExp(
        `(?:(?:const|class|function) ${name}\\b|^ +'?${name.replace('.', '\\.')}'?(?:: |\\())`,
        'm',
      );
      expect(declared.test(source), `${file} declares ${name}`).toBe(true);
    }
  }
  const functions = way.reduce((sum, { names }) => sum + names.length, 0);
  expect(section).toContain(`They are ${String(functions)} functions in ${String(way.length)} files.`);
});
