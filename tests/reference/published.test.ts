import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { ModelRunner } from '../../main/inference/model-runner.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { exportRequest } from '../main/export/export-settings.ts';
import { openRunner, uncancelled } from '../main/inference/open-runner.ts';
import { decodedLogits, exportedNames, publishedFixture, threeOfFour, writePublished } from './published-fixture.ts';
import {
  isAbsentAndDecides,
  logitsOf,
  publishedNames,
  relative,
  RELATIVE_TOLERANCE,
  wrongVariants,
} from './published-variants.ts';

describe.each(publishedNames)('the released config of %s', (name) => {
  it('computes the logits of its referee', async () => {
    const fixture = publishedFixture(name);
    const folder = await writePublished(fixture);
    expect(relative(await logitsOf(folder, fixture.tokens), decodedLogits(fixture))).toBeLessThan(RELATIVE_TOLERANCE);
  });

  it('computes them with every key changed, or refuses the change', async () => {
    expect(await wrongVariants(name, (variant) => !isAbsentAndDecides(variant))).toEqual([]);
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
