import { join } from 'node:path';
import { z } from 'zod';
import { WorkbenchError } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { readTextIfThere } from '../files/regular-file.ts';

/** Larger files are only read when the run is opened, not for a list. */
const MOST_BYTES = 4 * 2 ** 20;

const sources = {
  verify: { name: 'verification.json', shape: z.object({ ok: z.boolean() }).transform(({ ok }) => ok) },
  reproduce: {
    name: 'reproduction.json',
    shape: z.object({ matches: z.boolean() }).transform(({ matches }) => matches),
  },
} as const;

/**
 * Whether a finished verification found the export equal to its plan, or a finished reproduction its numbers equal to
 * the recorded ones; null if there is no result yet or the file does not say.
 */
export const readFinding = async (
  folder: string,
  { kind, state }: Pick<RunManifest, 'kind' | 'state'>,
): Promise<'equal' | 'different' | null> => {
  if (state !== 'done' || (kind !== 'verify' && kind !== 'reproduce')) return null;
  const { name, shape } = sources[kind];
  try {
    const text = await readTextIfThere(join(folder, name), { mostBytes: MOST_BYTES });
    const found = text === null ? null : shape.safeParse(JSON.parse(text));
    return found?.success === true ? (found.data ? 'equal' : 'different') : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof WorkbenchError) return null;
    throw error;
  }
};
