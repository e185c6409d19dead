import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** `expected.json` of a fixture: results of lm-evaluation-harness 0.4.13 for the same rows, by row counted from 1. */
const request = z.object({
  n: z.number(),
  pairs: z.array(z.tuple([z.string(), z.string()])),
  lengths: z.array(z.number()),
  answer: z.number(),
});
const text = z.object({ n: z.number(), text: z.string() });
const expectation = z.object({
  test: z.array(z.union([request, text])),
  calibration: z.array(z.union([request, text])),
});
export type HarnessExpectation = z.infer<typeof expectation>;

export const readExpectation = (folder: string): HarnessExpectation =>
  expectation.parse(JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')));

/** A pair as the harness scores it: white space at the end of a context belongs to the continuation. */
export const scoredPair = (context: string, continuation: string): readonly [string, string] => {
  const stem = context.trimEnd();
  return [stem, context.slice(stem.length) + continuation];
};

/** Row number in an item's id. */
export const rowOf = (id: string): number => Number(id.split(':')[1]);
