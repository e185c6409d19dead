import { z } from 'zod';
import { refuse } from './errors.ts';

/** How the next token is drawn from a model's distribution, in the terms of transformers' generation settings. */
export const sampler = z.strictObject({
  /** Divides the logits; 1: as they are. */
  temperature: z.number().gt(0).max(100).default(1),
  /** Keeps the k likeliest tokens. */
  top_k: z.number().int().min(1).max(1_000_000).optional(),
  /** Keeps the likeliest tokens whose probabilities sum to at least this much. */
  top_p: z.number().gt(0).max(1).optional(),
  /** Keeps tokens with at least this share of the likeliest one's probability. */
  min_p: z.number().min(0).max(1).optional(),
  /** Divides positive logits of tokens that are in the prompt or were written, and multiplies negative ones. */
  repetition_penalty: z.number().gt(0).max(100).optional(),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
});
export type Sampler = z.infer<typeof sampler>;

const NAMES = Object.keys(sampler.shape);
const EXAMPLE = 'temperature=0.7,top_p=0.95,seed=0';

/** Help of `--sample` after "Draw each token" (of what). */
export const SAMPLER_PARTS =
  'instead of taking the likeliest: ' +
  'temperature=0.7,top_k=40,top_p=0.95,min_p=0.05,repetition_penalty=1.1,seed=0 (any of them).';

/** Refuses repeats of a text that is always the same. */
export const nothingToRepeat = (): Error =>
  refuse(
    'bad-usage',
    'Greedy decoding writes the same text every time, so there is nothing to repeat.',
    'Add --sample, or leave out --repeats.',
  );

/** A sampler in words and on the command line: "temperature=0.7,top_p=0.95,seed=0", in one order. */
export const samplerText = (given: Sampler): string =>
  NAMES.flatMap((name) => {
    const value = given[name as keyof Sampler];
    return value === undefined ? [] : [`${name}=${value}`];
  }).join(',');

/**
 * Reads a sampler: "temperature=0.7,top_p=0.95,min_p=0.05,repetition_penalty=1.1,seed=0", in any order.
 *
 * @throws WorkbenchError `bad-sampler` naming the part.
 */
export const readSampler = (text: string): Sampler => {
  const values: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [name = '', value = '', ...more] = part.split('=').map((piece) => piece.trim());
    if (!NAMES.includes(name) || value === '' || more.length > 0 || name in values || Number.isNaN(Number(value)))
      throw refuse(
        'bad-sampler',
        `"${part}" is not a part of a sampler, or stands in it twice.`,
        `Write NAME=NUMBER, separated by commas, with ${NAMES.join(', ')}; for example ${EXAMPLE}.`,
      );
    values[name] = Number(value);
  }
  const read = sampler.safeParse(values);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw refuse(
    'bad-sampler',
    `The sampler's ${issue?.path.join('.') ?? 'value'} is out of range: ${issue?.message ?? ''}.`,
    `For example: ${EXAMPLE}.`,
    read.error,
  );
};
