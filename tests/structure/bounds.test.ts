import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { root } from './project-files.ts';
import { isUnbounded, schemaParts } from './schema-walk.ts';

const contract = path.join(root, 'main', 'contract');

const isSchema = (value: unknown): value is z.core.$ZodType =>
  typeof value === 'object' && value !== null && '_zod' in value;

/** Every exported schema, and those inside exported objects (the calls). */
const schemasIn = (value: unknown, name: string): readonly (readonly [name: string, schema: z.core.$ZodType])[] => {
  if (isSchema(value)) return [[name, value]];
  if (typeof value !== 'object' || value === null || value instanceof Map || value instanceof Set) return [];
  return Object.entries(value).flatMap(([key, inner]) => schemasIn(inner, `${name}.${key}`));
};

it('every text, list and record of the contract has a largest size', async () => {
  const files = (await readdir(contract)).filter((name) => name.endsWith('.ts'));
  const found: string[] = [];
  let parts = 0;
  for (const file of files) {
    const module: unknown = await import(/* @vite-ignore */ pathToFileURL(path.join(contract, file)).href);
    for (const [name, schema] of schemasIn({ ...(module as object) }, file))
      for (const part of schemaParts(schema)) {
        parts += 1;
        if (isUnbounded(part.schema)) found.push(`${name}${part.path}`);
      }
  }
  expect(parts).toBeGreaterThan(1_000);
  expect(found).toEqual([]);
});

it('sees schemas without one', () => {
  const unbounded = (schema: z.ZodType): readonly string[] =>
    [...schemaParts(schema)].filter((part) => isUnbounded(part.schema)).map((part) => part.path);
  expect(unbounded(z.object({ a: z.string(), b: z.array(z.string().max(3)).optional() }))).toEqual(['.a', '.b']);
  expect(unbounded(z.record(z.string().max(1), z.number()))).toEqual(['']);
  expect(unbounded(z.union([z.string().regex(/^[0-9a-f]{64}$/), z.string().regex(/^a+$/)]))).toEqual(['']);
  expect(unbounded(z.array(z.enum(['a'])).max(2))).toEqual([]);
});
