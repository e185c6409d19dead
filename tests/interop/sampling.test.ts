/** Filtered distributions of samples, compared with transformers' own logits processors. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { readSampler } from '../../main/contract/sampling.ts';
import { samplingDistribution } from '../../main/inference/decoding/sample-token.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { openRunner, uncancelled } from '../main/inference/open-runner.ts';
import { runPython } from './run-python.ts';

const model = fileURLToPath(new URL('../../resources/models/uncurl-16', import.meta.url));
const SAMPLERS = [
  'temperature=0.7',
  'temperature=1.7,top_k=5',
  'top_p=0.95',
  'temperature=0.8,top_p=0.5',
  'min_p=0.05',
  'repetition_penalty=1.3',
  'temperature=0.7,top_p=0.95,min_p=0.05,repetition_penalty=1.1,seed=0',
  'temperature=2,top_k=20,top_p=0.9,min_p=0.1,repetition_penalty=0.8',
];

it('distributions equal those of transformers to 1e-6, on random logits and on those of a model', async () => {
  const random = seededRandom(0);
  // Sums of uniforms: close to normal, with large and small logits.
  const logit = (): number => 4 * (random.float() + random.float() + random.float() + random.float() - 2);
  const vectors = Array.from({ length: 6 }, () => ({
    logits: Float32Array.from({ length: 257 }, logit),
    seen: Array.from({ length: 12 }, () => random.integer(257)),
  }));
  const runner = await openRunner(model);
  const prompt = runner.tokenizer?.encode('\nsort dbca>', true) ?? [];
  const [result] = await runner.forward([prompt], null, uncancelled);
  const vocabulary = (result?.logits.length ?? 0) / prompt.length;
  prompt.forEach((_, position) => {
    const logits = result?.logits.slice(position * vocabulary, (position + 1) * vocabulary) ?? new Float32Array();
    vectors.push({ logits, seen: prompt.slice(0, position + 1) });
  });
  const cases = vectors.flatMap((vector) => SAMPLERS.map((text) => ({ ...vector, sampler: readSampler(text) })));
  const theirs = await runPython(
    'sampling.py',
    cases.map(({ logits, seen, sampler }) => ({ logits: [...logits], seen, settings: sampler })),
    z.object({ probabilities: z.array(z.number()) }),
  );
  expect(theirs).toHaveLength(cases.length);
  for (const [index, { logits, seen, sampler }] of cases.entries()) {
    const ours = samplingDistribution(logits, seen, sampler);
    const expected = theirs[index]?.probabilities ?? [];
    expect(expected).toHaveLength(ours.length);
    const largest = ours.reduce((most, value, token) => Math.max(most, Math.abs(value - (expected[token] ?? NaN))), 0);
    expect(largest).toBeLessThan(1e-6);
    // Something was left out, and something stays.
    expect(ours.some((value) => value > 0)).toBe(true);
  }
});
