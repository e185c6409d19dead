import { describe, expect, it } from 'vitest';
import type { ItemOutcome, WrittenOutcome } from '../../../main/contract/outcome.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import type { WrittenItem } from '../../../main/contract/task.ts';
import type { ModelRunner } from '../../../main/inference/model-runner.ts';
import { writeAndCompare, writeItems } from '../../../main/jobs/write-items.ts';
import { compileJudging, DEFAULT_PIPELINES } from '../../../main/tasks/generation/judging.ts';
import { scoringFixture } from '../checkpoint/checkpoint-files.ts';
import { openRunner, uncancelled } from '../inference/open-runner.ts';

const task = { judging: compileJudging({ pipelines: DEFAULT_PIPELINES, exactMatch: {} }, 'task') };
const items = ['the router sends', 'a few experts', 'blue '.repeat(80)].map((context, index): WrittenItem => ({
  id: `w${index}`,
  context,
  answers: ['sky'],
  until: ['\n'],
  maxNewTokens: 12,
}));

/** Keeps half of the experts. */
const halfOf = ({ checkpoint: { info } }: ModelRunner): Plan => ({
  kept: Array.from({ length: info.moeLayers }, () => Array.from({ length: info.experts / 2 }, (_, index) => index)),
});
const writtenBy = (outcomes: ReadonlyMap<string, readonly ItemOutcome[]>, key: string): readonly WrittenOutcome[] =>
  (outcomes.get(key) ?? []).flatMap((outcome) => (outcome.kind === 'written' ? [outcome] : []));
const logProbabilities = (logits: Float32Array): readonly number[] => {
  const most = Math.max(...logits);
  const sum = most + Math.log(logits.reduce((all, logit) => all + Math.exp(logit - most), 0));
  return [...logits].map((logit) => logit - sum);
};

describe('fidelity of written answers', () => {
  it('is that of the logits after every token that the unpruned model wrote', async () => {
    const runner = await openRunner(scoringFixture('mixtral-byte-fallback'));
    const { tokenizer, checkpoint } = runner;
    if (tokenizer === null) expect.fail('no tokenizer');
    const { vocabulary, maxPositions } = checkpoint.descriptor;
    const plan = halfOf(runner);
    const candidates = [
      { key: 'whole', plan: null },
      { key: 'pruned', plan },
    ];
    const fresh = { stored: null, subject: 'fresh' };
    const found = await writeAndCompare(runner, task, items, candidates, fresh, uncancelled);
    const [whole, pruned] = [writtenBy(found, 'whole'), writtenBy(found, 'pruned')];
    for (const [index, item] of items.entries()) {
      const { tokenIds = [], fidelity } = whole[index] ?? expect.fail('no item');
      const { classes = {}, ...measures } = fidelity ?? expect.fail('no fidelity');
      expect(measures).toEqual({ positions: tokenIds.length, kl: 0, reverseKl: 0, changed: 0, acceptance: 1 });
      const ofClasses = Object.values(classes);
      expect(ofClasses.reduce((sum, { positions }) => sum + positions, 0)).toBe(tokenIds.length);
      expect(ofClasses.map(({ kl, changed }) => [kl, changed])).toEqual(ofClasses.map(() => [0, 0]));
      const prompt = tokenizer.encode(item.context, true).slice(-(maxPositions - item.maxNewTokens));
      const input = [...prompt, ...tokenIds].slice(0, -1);
      const [p, q] = await Promise.all(
        [null, plan].map(async (own) => {
          const [{ logits } = expect.fail('no logits')] = await runner.forward([input], own, uncancelled);
          return tokenIds.map((_, at) => {
            const row = prompt.length - 1 + at;
            return logProbabilities(logits.subarray(row * vocabulary, (row + 1) * vocabulary));
          });
        }),
      );
      const mean = (of: (p: number, q: number) => number): number =>
        (p ?? [])
          .flatMap((row, at) => row.map((own, token) => of(own, q?.[at]?.[token] ?? NaN)))
          .reduce((a, b) => a + b) / tokenIds.length;
      const best = (row: readonly number[] | undefined): number => row?.indexOf(Math.max(...row)) ?? NaN;
      const own = pruned[index]?.fidelity ?? expect.fail('no fidelity');
      expect(own.positions).toBe(tokenIds.length);
      expect(Math.abs(own.kl - mean((a, b) => Math.exp(a) * (a - b)))).toBeLessThan(1e-6);
      expect(Math.abs(own.reverseKl - mean((a, b) => Math.exp(b) * (b - a)))).toBeLessThan(1e-6);
      expect(Math.abs(own.acceptance - mean((a, b) => Math.min(Math.exp(a), Math.exp(b))))).toBeLessThan(1e-6);
      expect(own.changed).toBe((p ?? []).filter((row, at) => best(row) !== best(q?.[at])).length / tokenIds.length);
      expect(own.kl).toBeGreaterThan(1e-4);
    }
    // The texts do not change, and the unpruned model's stored texts serve as well as new ones.
    const plain = writtenBy(await writeItems(runner, task, items, candidates, uncancelled), 'pruned');
    expect(pruned.map(({ fidelity: _fidelity, ...rest }) => rest)).toEqual(plain);
    for (const stored of [whole, null]) {
      const texts = { stored, subject: stored === null ? 'again' : 'stored' };
      const alone = await writeAndCompare(runner, task, items, candidates.slice(1), texts, uncancelled);
      expect([...alone.keys()]).toEqual(['pruned']);
      for (const [index, { fidelity }] of writtenBy(alone, 'pruned').entries())
        expect(fidelity?.kl).toBeCloseTo(pruned[index]?.fidelity?.kl ?? NaN, 6);
    }
  });
});
