import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FEW_SAMPLED } from '../../../../main/contract/profile.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine, bundled } from '../open-engine.ts';

test('an expert is described as far as the profile goes, and in full once it was profiled for that', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const engine = await openEngine(workspace, { threads: 2 });
  const { model, task } = await bundled(engine, 'uncurl-8', 'add');
  const asked = { model, task, layer: 1, expert: 2 };
  expect(await engine.call('expert.read', asked)).toEqual({ found: null });
  expect(await engine.call('expert.together', asked)).toEqual({ found: null });

  await engine.finished((await engine.call('profile.start', { model, tasks: [task] })).run);
  const plain = (await engine.call('expert.read', asked)).found;
  // Every profile keeps some of its tokens.
  expect(plain).toMatchObject({ takes: { sampled: FEW_SAMPLED }, likeByOutput: null });
  expect(plain?.takes?.byCount.length).toBeGreaterThan(0);
  const [profile] = await engine.call('profile.read', { model, tasks: [task] });
  expect(plain).toMatchObject({ tokens: profile?.tokens, chosen: profile?.counts[1]?.[2] });
  // With top-2 every token of an expert is shared with exactly one other.
  expect(plain?.together.reduce((sum, { both }) => sum + both, 0)).toBe(plain?.chosen);
  expect(plain?.likeByRouter).toHaveLength(7);
  const together = (await engine.call('expert.together', asked)).found;
  expect(together?.both.map((row, expert) => row[expert])).toEqual(profile?.counts[1]);
  expect(together?.both[2]?.[plain?.together[0]?.expert ?? 0]).toBe(plain?.together[0]?.both);

  const again = { model, tasks: [task], inspect: ['choices' as const, 'every-output' as const] };
  await engine.finished((await engine.call('profile.start', again)).run);
  const full = (await engine.call('expert.read', asked)).found;
  expect(full?.takes?.sampled).toBe(profile?.tokens);
  expect(full?.takes?.taken).toBe(plain?.chosen);
  const sum = (kinds: readonly { readonly taken: number }[] = []): number =>
    kinds.reduce((total, { taken }) => total + taken, 0);
  expect(sum(full?.takes?.classes)).toBe(plain?.chosen);
  expect(sum(full?.takes?.positions)).toBe(plain?.chosen);
  expect(full?.takes?.byCount[0]?.contexts[0]?.token).toBe(full?.takes?.byCount[0]?.text);
  expect(full?.likeByOutput).toHaveLength(7);
  expect(full?.likeByRouter).toEqual(plain?.likeByRouter);

  const { like } = await engine.call('expert.likeWeights', asked);
  expect(like).toHaveLength(7);
  for (const { expert, cosine } of like) {
    expect(Math.abs(cosine)).toBeLessThan(1);
    const back = await engine.call('expert.likeWeights', { ...asked, expert });
    expect(back.like.find((other) => other.expert === 2)?.cosine).toBeCloseTo(cosine, 10);
  }
  await expect(engine.call('expert.read', { ...asked, expert: 8 })).rejects.toMatchObject({ code: 'no-such-expert' });
});
