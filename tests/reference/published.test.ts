import { readdirSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { describeModel } from '../../main/checkpoint/describe-model.ts';
import type { ModelDescriptor } from '../../main/checkpoint/descriptor.ts';
import { familyOfConfig, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { WorkbenchError } from '../../main/contract/errors.ts';
import type { Plan } from '../../main/contract/plan.ts';
import type { ModelRunner } from '../../main/inference/model-runner.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { exportRequest } from '../main/export/export-settings.ts';
import { openRunner, uncancelled } from '../main/inference/open-runner.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import {
  changedConfig,
  decodedLogits,
  exportedNames,
  isAbsent,
  publishedFixture,
  publishedFolder,
  sentenceOf,
  threeOfFour,
  type Variant,
  writePublished,
} from './published-fixture.ts';

/** Largest difference to the referee, relative to the largest logit. */
const RELATIVE_TOLERANCE = 1e-4;

/** Keys that are left out are read at length in `npm run test:interop` alone. */
const withAbsentKeys = process.env['ENGINE'] === 'torch';

const names = readdirSync(publishedFolder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.replace('.json', ''))
  .sort();

const logitsOf = async (folder: string, tokens: readonly number[], plan: Plan | null = null): Promise<Float32Array> => {
  const runner = await openModelRunner(await openCheckpoint(folder), {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    streamed: false,
    overlayFolder: await temporaryFolder(),
  });
  try {
    const [result] = await runner.forward([tokens], plan, uncancelled);
    return result?.logits ?? new Float32Array();
  } finally {
    await runner.dispose();
  }
};

/** Largest difference, relative to the largest number of `theirs`. */
const relative = (ours: ArrayLike<number>, theirs: ArrayLike<number>, most?: number): number => {
  let [difference, largest] = [0, most ?? 0];
  for (let at = 0; at < theirs.length; at += 1) {
    const [own = NaN, other = NaN] = [ours[at], theirs[at]];
    const apart = Math.abs(own - other);
    if (!(apart <= difference)) difference = apart;
    if (most === undefined) largest = Math.max(largest, Math.abs(other));
  }
  return difference / largest;
};

/** Types whose class in transformers leaves `rope_scaling` unread; here scaled angles are refused. */
const withoutScalings: readonly string[] = ['cohere2_moe'];

/** Changes that transformers computes and that are never refused: scalings of angles, and biases. */
const mustCompute = (name: string, { path, value, end }: Variant): boolean =>
  ['rope_scaling', 'rope_parameters'].includes(path.at(-1) ?? '')
    ? JSON.stringify(value).includes('"factor"') && !withoutScalings.includes(name)
    : value === true && Array.isArray(end) && ['attention_bias', 'mlp_bias'].includes(path.at(-1) ?? '');

/** Fields of a descriptor that decide the logits of short texts. */
const deciding = ({ maxPositions: _, statedPositions: __, configKeys: ___, ...rest }: ModelDescriptor): unknown => rest;

describe.each(names)('the released config of %s', (name) => {
  it('computes the logits of its referee', async () => {
    const fixture = publishedFixture(name);
    const folder = await writePublished(fixture);
    expect(relative(await logitsOf(folder, fixture.tokens), decodedLogits(fixture))).toBeLessThan(RELATIVE_TOLERANCE);
  });

  it('computes them with every key changed, or refuses the change', async () => {
    const fixture = publishedFixture(name);
    const base = await writePublished(fixture);
    const { tensors, descriptor } = await openCheckpoint(base);
    const wrong: string[] = [];
    for (const variant of fixture.variants) {
      if (variant.end === 'refused' || (isAbsent(variant) && variant.end !== 'same' && !withAbsentKeys)) continue;
      try {
        if (variant.end === 'same') {
          const own = changedConfig(fixture, variant);
          const described = describeModel(familyOfConfig(own, base), own, tensors, base);
          if (isDeepStrictEqual(deciding(described), deciding(descriptor))) continue;
        }
        const ours = await logitsOf(await writePublished(fixture, variant), fixture.tokens);
        const vocabulary = ours.length / fixture.tokens.length;
        const difference =
          variant.end === 'same'
            ? relative(ours, decodedLogits(fixture))
            : relative(ours.slice(-vocabulary), variant.end, variant.most);
        if (!(difference < RELATIVE_TOLERANCE)) wrong.push(`${sentenceOf(variant)}: off by ${difference.toFixed(4)}`);
      } catch (error) {
        if (!(error instanceof WorkbenchError)) throw error;
        if (mustCompute(name, variant)) wrong.push(`${sentenceOf(variant)}: ${error.message}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

it.each(exportedNames)('a pruned export of %s computes what the mask does', async (name) => {
  const { tokens, ...fixture } = publishedFixture(name);
  const folder = await writePublished({ tokens, ...fixture });
  const plan = threeOfFour(await openCheckpoint(folder));
  const { folder: pruned } = await exportPlan(await exportRequest(folder, plan));
  const [own, masked] = [await logitsOf(pruned, tokens), await logitsOf(folder, tokens, plan)];
  expect(relative(own, masked)).toBeLessThan(RELATIVE_TOLERANCE);
  expect(relative(own, decodedLogits({ tokens, ...fixture }))).toBeGreaterThan(RELATIVE_TOLERANCE);
});

/** The likeliest token behind a sequence, and the logarithms of the probabilities [V] there. */
const behind = async (runner: ModelRunner, tokens: readonly number[]): Promise<readonly [number, Float64Array]> => {
  const [result] = await runner.forward([tokens], null, uncancelled);
  const logits = result?.logits ?? new Float32Array();
  const row = Float64Array.from(logits.subarray((logits.length / tokens.length) * (tokens.length - 1)));
  const most = Math.max(...row);
  const total = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) + most;
  return [row.indexOf(most), row.map((logit) => logit - total)];
};

it.each(['dbrx', 'jamba', 'minimax'])(
  '%s writes and scores with its cache or state as whole passes do',
  async (name) => {
    const { tokens, ...fixture } = publishedFixture(name);
    const runner = await openRunner(await writePublished({ tokens, ...fixture }));
    const rows = [3, 7].map((length, row) => ({
      tokens: tokens.slice(row, row + length),
      candidate: 'own',
      mostNewTokens: 5 + row,
    }));
    for await (const { row, tokens: written } of runner.decode(rows, [{ key: 'own', plan: null }], uncancelled)) {
      const whole = [...(rows[row]?.tokens ?? [])];
      for (const token of written) {
        expect(token).toBe((await behind(runner, whole))[0]);
        whole.push(token);
      }
      expect(written).toHaveLength(5 + row);
    }
    // The first two have a context in common, which becomes a trunk with two branches.
    const requests = [tokens.slice(0, 9), tokens.slice(0, 9), tokens.slice(4, 6)].map((contextTokens, at) => ({
      id: String(at),
      contextTokens,
      continuationTokens: tokens.slice(9 + at, 12 + at),
    }));
    const scores = await runner.score(requests, null, uncancelled);
    for (const [at, { contextTokens, continuationTokens }] of requests.entries()) {
      let sum = 0;
      for (const [place, token] of continuationTokens.entries()) {
        const [, probabilities] = await behind(runner, [...contextTokens, ...continuationTokens.slice(0, place)]);
        sum += probabilities[token] ?? NaN;
      }
      expect(Math.abs((scores[at]?.logprob ?? NaN) - sum)).toBeLessThan(RELATIVE_TOLERANCE);
    }
  },
);

it('queries of latent attention grow with their position in decoding with a cache, too', async () => {
  const { tokens, ...fixture } = publishedFixture('mistral4');
  const folder = await writePublished({ tokens, ...fixture });
  const runner = await openRunner(folder);
  expect(runner.checkpoint.descriptor.blocks[0]?.attention?.temperature).toEqual({ first: 0, scale: 0.1, every: 8 });
  // Two rows share a beginning, and all reach positions at which queries have grown.
  const prompts = [tokens.slice(0, 12), [...tokens.slice(0, 8), 1, 2], tokens.slice(3, 6)];
  const rows = prompts.map((prompt) => ({ tokens: prompt, candidate: 'whole', mostNewTokens: 12 }));
  const written: (readonly number[])[] = [];
  for await (const row of runner.decode(rows, [{ key: 'whole', plan: null }], uncancelled))
    written[row.row] = row.tokens;
  for (const [row, prompt] of prompts.entries()) {
    const chosen = written[row] ?? [];
    expect(chosen).toHaveLength(12);
    const [result] = await runner.forward([[...prompt, ...chosen]], null, uncancelled);
    const { vocabulary } = runner.checkpoint.descriptor;
    chosen.forEach((token, step) => {
      const at = (prompt.length + step - 1) * vocabulary;
      const logits = result?.logits.subarray(at, at + vocabulary) ?? new Float32Array();
      expect(token).toBe(logits.indexOf(Math.max(...logits)));
    });
  }
});

it('DBRX turns by the theta of its attention, where nothing else says one, and refuses another', async () => {
  const { config, ...fixture } = publishedFixture('dbrx');
  const { rope_parameters: _, ...released } = config;
  const folder = await writePublished({ ...fixture, config: released });
  const theirs = decodedLogits({ ...fixture, config });
  expect(relative(await logitsOf(folder, fixture.tokens), theirs)).toBeLessThan(RELATIVE_TOLERANCE);
  const other = await writePublished({ ...fixture, config: { ...released, rope_parameters: { rope_theta: 10000 } } });
  await expect(openCheckpoint(other)).rejects.toMatchObject({
    code: 'unsupported-config',
    message: expect.stringContaining('rope_theta is 10000 in "rope_parameters" and 500000 besides'),
  });
});

it.each([
  ['attn_config', 'head_dim', 64, /"head_dim" is 64, which other families read and dbrx does not/],
  ['ffn_config', 'moe_normalize_expert_weights', 2, /"moe_normalize_expert_weights" is 2; only 1 is supported here/],
  ['ffn_config', 'ffn_act_fn', { name: 'gelu' }, /"hidden_act" is "gelu"; only "silu" is supported here/],
])('DBRX with %s.%s is refused by the name of the key', async (within, key, value, message) => {
  const fixture = publishedFixture('dbrx');
  const own = { ...Object(fixture.config[within]), [key]: value };
  const folder = await writePublished({ ...fixture, config: { ...fixture.config, [within]: own } });
  await expect(openCheckpoint(folder)).rejects.toMatchObject({ message: expect.stringMatching(message) });
});

it('buffers of lightning attention, which follow from the config, are not read, nor exported', async () => {
  const fixture = publishedFixture('minimax');
  const name = 'model.layers.1.self_attn.slope_rate';
  const tensors = { ...fixture.tensors, [name]: [[[4, 1, 1], 'F32', '']] satisfies (typeof fixture.tensors)[string] };
  const folder = await writePublished({ ...fixture, tensors });
  const checkpoint = await openCheckpoint(folder);
  expect(checkpoint.descriptor.unusedTensors).toEqual([name]);
  const { folder: pruned } = await exportPlan(await exportRequest(folder, threeOfFour(checkpoint)));
  expect([...(await openCheckpoint(pruned)).tensors.keys()]).not.toContain(name);
});
