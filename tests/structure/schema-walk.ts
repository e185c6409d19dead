import type { z } from 'zod';

/** A schema inside another one, with its path: fields by name, entries as `[]`. */
export interface SchemaPart {
  readonly path: string;
  readonly schema: z.core.$ZodType;
}

const isSchema = (value: unknown): value is z.core.$ZodType =>
  typeof value === 'object' && value !== null && '_zod' in value;

/** Every schema in a value: itself, or those inside an object (the calls, a definition of a method). */
export const schemasIn = (
  value: unknown,
  name: string,
  seen = new Set<unknown>(),
): readonly (readonly [name: string, schema: z.core.$ZodType])[] => {
  if (isSchema(value)) return [[name, value]];
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  seen.add(value);
  const entries =
    value instanceof Map ? [...value] : value instanceof Set ? [...value].entries() : Object.entries(value);
  return [...entries].flatMap(([key, inner]: readonly [unknown, unknown]) =>
    schemasIn(inner, `${name}.${String(key)}`, seen),
  );
};

/** Every schema inside a schema, each object once, whatever its kind: a new kind of zod is walked too. */
export const schemaParts = function* (
  schema: z.core.$ZodType,
  path = '',
  seen = new Set<unknown>(),
): Generator<SchemaPart> {
  if (seen.has(schema)) return;
  seen.add(schema);
  yield { path, schema };
  const definition: Readonly<Record<string, unknown>> = { ...schema._zod.def };
  for (const [key, value] of Object.entries(definition)) {
    if (key === 'checks') continue;
    const own = key === 'shape' || Array.isArray(value) ? Object.entries(value as object) : [[key, value] as const];
    for (const [name, inner] of own) {
      const step = key === 'shape' ? `.${name}` : key === 'element' ? '[]' : '';
      if (isSchema(inner)) yield* schemaParts(inner, `${path}${step}`, seen);
    }
  }
};

/** The checks of a schema, its own format included. */
const checksOf = ({ _zod: { def } }: z.core.$ZodType): readonly Readonly<Record<string, unknown>>[] => [
  { ...def },
  ...(def.checks ?? []).map((check) => ({ ...check._zod.def })),
];

/** Patterns that match texts of any length. */
const isEndless = (pattern: RegExp): boolean =>
  /(?<!\\)(?:[*+]|\{\d+,\})/.test(pattern.source.replaceAll(/\[[^\]]*\]/g, 'x'));

/** Whether the keys of a record are listed. */
const hasFewKeys = ({ _zod: { def } }: z.core.$ZodType): boolean => {
  const definition: Readonly<Record<string, unknown>> = { ...def };
  const keyType = definition['keyType'];
  return isSchema(keyType) && ['enum', 'literal'].includes(keyType._zod.def.type);
};

/** Whether a text, list or record can have any size. */
export const isUnbounded = (schema: z.core.$ZodType): boolean => {
  const checks = checksOf(schema);
  const isSized = checks.some(({ check }) => check === 'max_length' || check === 'length_equals');
  switch (schema._zod.def.type) {
    case 'string':
      return !isSized && !checks.some(({ pattern }) => pattern instanceof RegExp && !isEndless(pattern));
    case 'array':
      return !isSized;
    case 'record':
      return checks.length === 1 && !hasFewKeys(schema);
    case 'map':
    case 'set':
      return checks.length === 1;
    default:
      return false;
  }
};
