import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { families, refusedFamilies } from '../../main/checkpoint/families/families.ts';
import { verbs } from '../../main/cli/verbs.ts';
import { docTopics, readablePage } from '../../main/words/doc-topics.ts';
import { projectFiles, root } from './project-files.ts';

const folder = path.join(root, 'resources/docs');
const read = (name: string): string => readFileSync(path.join(folder, `${name}.md`), 'utf8');
const topics = docTopics(read('README'));
const files = new Set(projectFiles());

/** Link targets of a Markdown text. */
const linksOf = (text: string): readonly string[] => [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => to);

describe('the documentation', () => {
  it('lists every page in its index, once', () => {
    const pages = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
    expect(topics.map(({ name }) => `${name}.md`).sort()).toEqual(pages.sort());
    expect(topics.length).toBeGreaterThan(10);
  });

  it('has no topic with the name of a verb: `uncurl help NAME` would be ambiguous', () => {
    expect(topics.map(({ name }) => name).filter((name) => Object.hasOwn(verbs, name))).toEqual([]);
  });

  it.each(topics)('answers in the first screen: $name', ({ name, title }) => {
    const [heading, blank, answer = ''] = readablePage(read(name)).split('\n');
    expect([heading, blank]).toEqual([`# ${title}`, '']);
    expect(answer).toMatch(/^\*\*/);
  });

  it.each(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...topics.map(({ name }) => `resources/docs/${name}.md`)])(
    'links only to files that exist: %s',
    (file) => {
      const text = readFileSync(path.join(root, file), 'utf8');
      const targets = linksOf(text)
        .filter((link) => !/^(?:https?:|#)/.test(link))
        .map((link) => path.posix.join(path.posix.dirname(file), link.replace(/#.*$/, '')));
      expect(targets.filter((target) => !files.has(target))).toEqual([]);
    },
  );
});

it('the page about model families lists those that can be opened, and no others', () => {
  const listed = [...read('families').matchAll(/^\|[^|]+\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, modelType = '']) => modelType),
  );
  expect(listed.filter((name) => name !== 'model_type').sort()).toEqual(
    families.map(({ modelType }) => modelType).sort(),
  );
  expect([...refusedFamilies.keys()].filter((modelType) => listed.includes(modelType))).toEqual([]);
});

it('a page is read without the markers of its tables', () => {
  expect(readablePage('# A\n\n<!-- table: b -->\n| c |\n<!-- end -->\nd\n')).toBe('# A\n\n| c |\nd\n');
});
