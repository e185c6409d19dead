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

/** Commands of a text: lines of code blocks with their continuations, and code within sentences. */
const codeOf = (text: string): readonly string[] => [
  ...[...text.matchAll(/^```.*\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
    block.replaceAll(/\\\n\s*/g, ' ').split('\n'),
  ),
  ...[...text.replaceAll(/^```.*\n[\s\S]*?^```/gm, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code),
];
const everywhere = ['--json', '--help', '--version'];
const optionsOf = (code: string): readonly string[] =>
  [...code.matchAll(/(?<=^|\s)--[a-z][a-z-]*/g)].map(([name]) => name);
const options = new Map(
  await Promise.all(
    Object.entries(verbs).map(async ([name, load]) => {
      const own = Object.keys((await load()).options).map((option) => `--${option}`);
      return [name, [...everywhere, ...own]] as const;
    }),
  ),
);

it.each(['README.md', ...topics.map(({ name }) => `resources/docs/${name}.md`)])(
  'names only verbs and options that exist: %s',
  (file) => {
    const code = codeOf(readFileSync(path.join(root, file), 'utf8'));
    const commands = code.flatMap((line) => {
      const [, verb = '', rest = ''] = /^(?:[A-Z_]+=\S+ )*(?:npx )?uncurl ([a-z]+)\b(.*)$/.exec(line) ?? [];
      return verb === '' || verb === 'help' ? [] : [{ verb, given: optionsOf(rest.replace(/ #.*$/, '')) }];
    });
    const wrong = commands.flatMap(({ verb, given }) => {
      const own = options.get(verb);
      return own === undefined ? [verb] : given.filter((option) => !own.includes(option));
    });
    const alone = code.filter((line) => line.startsWith('--')).flatMap(optionsOf);
    const known = new Set([...options.values()].flat());
    expect([...wrong, ...alone.filter((option) => !known.has(option))]).toEqual([]);
  },
);

it.each(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...topics.map(({ name }) => `resources/docs/${name}.md`)])(
  'names only scripts of npm and benchmarks that exist: %s',
  (file) => {
    const code = codeOf(readFileSync(path.join(root, file), 'utf8'));
    const scripts = code.flatMap((line) => /^(?:[A-Z_]+=\S+ )*npm run (?:--silent )?([\w:-]+)/.exec(line)?.[1] ?? []);
    const benchmarks = code.flatMap((line) => /tests\/bench\/[\w-]+\.ts/.exec(line)?.[0] ?? []);
    const { scripts: known } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Readonly<Record<string, string>>;
    };
    expect(scripts.filter((name) => !Object.hasOwn(known, name))).toEqual([]);
    expect(benchmarks.filter((name) => !files.has(name))).toEqual([]);
  },
);

it('README says how many model types can be opened', () => {
  const page = readFileSync(path.join(root, 'README.md'), 'utf8');
  expect(page).toContain(`- ${String(families.length)} model types are verified against transformers`);
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

it('the path of a measurement in CONTRIBUTING names functions that are in their files', () => {
  const text = readFileSync(path.join(root, 'CONTRIBUTING.md'), 'utf8');
  const [, section = ''] = text.split('## From settings to a stored result\n');
  const rows = [...section.split('\n## ')[0]!.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)];
  expect(rows.length).toBeGreaterThan(10);
  const missing = rows.flatMap(([, file = '', words = '']) => {
    const source = readFileSync(path.join(root, file), 'utf8');
    const names = [...words.replaceAll(/\([^)]*\)/g, '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    return names.filter((name) => !name.endsWith('.json') && !source.includes(name)).map((name) => `${file}: ${name}`);
  });
  expect(missing).toEqual([]);
});
