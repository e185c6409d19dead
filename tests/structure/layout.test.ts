import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFiles, root } from './project-files.ts';

const MEBIBYTE = 2 ** 20;
/** A clone must stay small: models are the only large files, and there are few. */
const REPOSITORY_LIMIT_BYTES = 100 * MEBIBYTE;
const FILE_LIMIT_BYTES = MEBIBYTE;

const TOP_LEVEL = new Set([
  ...['electron', 'main', 'renderer', 'resources', 'tests', '.ci'],
  ...['README.md', 'LICENSE', 'package.json', 'package-lock.json', 'forge.config.ts', 'electron-builder.yml'],
  ...['tsconfig.json', 'tsconfig.engine.json', 'vite.config.ts', 'vitest.config.ts', 'playwright.config.ts'],
  ...['eslint.config.js', '.oxlintrc.json', '.gitignore', '.gitattributes', '.npmrc', '.nvmrc', '.editorconfig'],
  ...['.prettierrc.json', '.prettierignore', 'knip.json', '.dependency-cruiser.js'],
  ...['CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', '.github', '.vscode'],
]);

const files = projectFiles();
const sizeOf = (file: string): number => statSync(path.join(root, file)).size;
const isSource = (file: string): boolean => /^(?:main|electron|renderer|tests)\/.*\.tsx?$/.test(file);

/** Text files with their content; binary files (with a zero byte at the start) are left out. */
const texts = files
  .filter((file) => sizeOf(file) <= FILE_LIMIT_BYTES)
  .map((file) => ({ file, bytes: readFileSync(path.join(root, file)) }))
  .filter(({ bytes }) => !bytes.subarray(0, 4096).includes(0))
  .map(({ file, bytes }) => ({ file, text: bytes.toString('utf8') }));

/** Matching lines of the files, as `file:line: text`. */
const linesWith = (pattern: RegExp, among: (file: string) => boolean): readonly string[] =>
  texts
    .filter(({ file }) => among(file))
    .flatMap(({ file, text }) =>
      text
        .split('\n')
        .map((line, index) => ({ line, location: `${file}:${index + 1}` }))
        .filter(({ line }) => pattern.test(line))
        .map(({ line, location }) => `${location}: ${line.trim().slice(0, 160)}`),
    );

// Spelt so that the patterns do not match themselves.
const machinePath = /\/(?:wor[k]|far[m]|roo[t])\/|bash_job[s]/;
const packageHost = /registry\.npm[j]s\.org|files\.pythonhoste[d]\.org|deb\.debia[n]\.org|pypi\.or[g]\/simple/;
/** More than 120 columns; not a regular expression, a text in double quotes, or a line that ends in a JSX space. */
const longLine = /^(?!\s*(?:\/.*\/[a-z]*[,;]?$|"))(?!.*\{' '\}$).{121,}$/u;

describe('the layout of the repository', () => {
  it('has only the agreed names at the top level', () => {
    const names = new Set(files.map((file) => file.split('/')[0] ?? file));
    expect([...names].filter((name) => !TOP_LEVEL.has(name))).toEqual([]);
  });

  it('has no line over 120 columns', () => {
    const generated = 'main/graph/onnx-messages.ts';
    expect(linesWith(longLine, (file) => isSource(file) && file !== generated)).toEqual([]);
  });

  it('has no file over 1 MiB outside resources/models and the sample', () => {
    expect(
      files.filter((file) => !/^resources\/(?:models|sample\/run)\//.test(file) && sizeOf(file) > FILE_LIMIT_BYTES),
    ).toEqual([]);
  });

  it('is under 100 MiB as a whole', () => {
    expect(files.reduce((sum, file) => sum + sizeOf(file), 0)).toBeLessThan(REPOSITORY_LIMIT_BYTES);
  });

  it('names source files in kebab case', () => {
    const odd = files
      .filter(isSource)
      .filter((file) => !/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)+$/.test(path.basename(file)));
    expect(odd).toEqual([]);
  });
});

describe('the text of the repository', () => {
  it('was found', () => {
    expect(texts.some(({ file }) => file === 'package.json')).toBe(true);
    expect(texts.filter(({ file }) => isSource(file)).length).toBeGreaterThan(50);
  });

  it('contains no machine path', () => {
    expect(linesWith(machinePath, () => true)).toEqual([]);
  });

  it('contains no host of a package registry', () => {
    expect(linesWith(packageHost, () => true)).toEqual([]);
  });

  it.each([
    [machinePath, 'cd /' + 'work/main'],
    [packageHost, 'https://registry.' + 'npmjs.org/zod'],
  ])('is checked by a pattern that can fail: %s', (pattern, line) => {
    expect(line).toMatch(pattern);
  });
});
