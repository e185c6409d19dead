import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { projectFiles, root } from './project-files.ts';
import { isUnbounded, schemaParts } from './schema-walk.ts';

const sources = projectFiles()
  // The window reads messages of the engine, and addresses, whose length is bounded before they are read.
  .filter((file) => /^(?:main|electron)\/.*\.ts$/.test(file))
  .map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }));

it('every text, list and record of every schema has a largest size', async () => {
  const files = sources
    .filter(({ text }) => /from '(?:zod|.*contract\/bounds\.ts)'/.test(text))
    .map(({ file }) => file);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [path.join(import.meta.dirname, 'every-schema.mjs'), ...files],
    { cwd: root, maxBuffer: 2 ** 26 },
  );
  const { parts, unbounded } = z
    .object({ parts: z.number(), unbounded: z.array(z.string()) })
    .parse(JSON.parse(stdout));
  expect(parts).toBeGreaterThan(5_000);
  expect(unbounded).toEqual([]);
}, 120_000);

/** Index behind the bracket that closes the one at `from`; brackets within texts are paired in our sources. */
const closing = (text: string, from: number): number => {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
};

const SIZED = /^\s*(?:\.(?:trim|min|nonempty)\([^()]*\)\s*)*\.(?:max|length|regex|refine)\(/;

/** Texts, lists and records that are made without a size, wherever they stand in a source. */
const unsized = (text: string): readonly string[] =>
  [...text.matchAll(/\bz\s*\.(string|array|record)\(/g)].flatMap((found) => {
    const end = closing(text, found.index + found[0].length - 1);
    return SIZED.test(text.slice(end)) ? [] : [text.slice(found.index, end)];
  });

it('no schema within a function has a text, list or record without one', () => {
  const own = ['main/contract/bounds.ts'];
  expect(unsized('z.object({ a: z.string(), b: z.array(z.string().max(3)) })')).toEqual([
    'z.string()',
    'z.array(z.string().max(3))',
  ]);
  expect(unsized('z.array(z.string().min(1).max(3)).max(2)')).toEqual([]);
  const found = sources.flatMap(({ file, text }) =>
    own.includes(file) ? [] : unsized(text).map((schema) => `${file}: ${schema}`),
  );
  expect(found).toEqual([]);
});

it('sees schemas without one', () => {
  const unbounded = (schema: z.ZodType): readonly string[] =>
    [...schemaParts(schema)].filter((part) => isUnbounded(part.schema)).map((part) => part.path);
  expect(unbounded(z.object({ a: z.string(), b: z.array(z.string().max(3)).optional() }))).toEqual(['.a', '.b']);
  expect(unbounded(z.record(z.string().max(1), z.number()))).toEqual(['']);
  expect(unbounded(z.partialRecord(z.enum(['a']), z.number()))).toEqual([]);
  expect(unbounded(z.union([z.string().regex(/^[0-9a-f]{64}$/), z.string().regex(/^a+$/)]))).toEqual(['']);
  expect(unbounded(z.array(z.enum(['a'])).max(2))).toEqual([]);
});
