import { expect, it } from 'vitest';
import { type EndedText, NO_ENDS, textEnds, writtenOutcomes } from '../../../main/generation/write-texts.ts';
import { bundledModel } from '../inference/few-shot-task.ts';
import { openRunner, uncancelled } from '../inference/open-runner.ts';

it(
  'gives the texts of every candidate for every item, in order and judged, the same in one call as in ' + 'several',
  async () => {
    const runner = await openRunner(bundledModel('uncurl-16'));
    const { tokenizer } = runner;
    if (tokenizer === null) expect.fail('no tokenizer');
    const ends = await textEnds(runner.checkpoint.folder, tokenizer);
    const words = ['dbca', 'ba', 'cab', 'fedcba', 'ca', 'gfa'];
    const items = words.map((word) => ({
      id: word,
      context: `\nsort ${word}>`,
      until: ['\n'],
      maxNewTokens: 10,
      answer: Array.from(word).sort().join(''),
    }));
    const keep = (experts: readonly number[]) => ({ kept: Array.from({ length: 3 }, () => [...experts]) });
    const candidates = [
      { key: 'ruined', plan: keep([3, 4]) },
      { key: 'unpruned', plan: null },
      { key: 'half', plan: keep([0, 2, 4, 6, 8, 10, 12, 14]) },
    ];
    const judge = (texts: readonly EndedText<(typeof items)[number]>[]) =>
      texts.map(({ item: { answer }, text }) => ({ filtered: text.toUpperCase(), correct: text === answer }));
    const together = await writtenOutcomes(runner, tokenizer, { items, candidates, ends, judge }, uncancelled);
    expect([...together.keys()]).toEqual(['ruined', 'unpruned', 'half']);
    for (const outcomes of together.values()) expect(outcomes.map(({ id }) => id)).toEqual(words);
    expect(together.get('unpruned')?.[0]).toEqual({
      kind: 'written',
      id: 'dbca',
      text: 'abcd',
      tokens: 5,
      stopped: 'end',
      loop: null,
      truncatedTokens: 0,
      filtered: 'ABCD',
      correct: true,
    });
    for (const outcomes of together.values()) {
      expect(outcomes.map(({ correct }) => correct)).toEqual(
        outcomes.map(({ text }, index) => text === items[index]?.answer),
      );
    }
    expect(together.get('ruined')?.every(({ correct }) => correct)).toBe(false);
    for (const candidate of candidates) {
      const parts = [];
      for (const list of [items.slice(0, 2), items.slice(2)])
        parts.push(
          ...((
            await writtenOutcomes(runner, tokenizer, { items: list, candidates: [candidate], ends, judge }, uncancelled)
          ).get(candidate.key) ?? []),
        );
      expect(parts).toEqual(together.get(candidate.key));
    }
  },
);

const judgeNone = (texts: readonly unknown[]) => texts.map(() => ({ filtered: '', correct: false }));

it('finds the loops of models that repeat themselves, and where in the text they begin', async () => {
  const runner = await openRunner(bundledModel('uncurl-16'));
  const { tokenizer } = runner;
  if (tokenizer === null) expect.fail('no tokenizer');
  const items = ['\n', '>>>>', 'aaaaaa', '\n7+8>', '(((((('].map((context) => ({
    id: context,
    context,
    until: [],
    maxNewTokens: 48,
  }));
  const candidates = Array.from({ length: 16 }, (_, expert) => ({
    key: String(expert),
    plan: { kept: Array.from({ length: 3 }, () => [expert]) },
  }));
  // Nothing ends the texts, as for models that have forgotten their end token.
  const work = { items, candidates, ends: NO_ENDS, judge: judgeNone };
  const texts = [...(await writtenOutcomes(runner, tokenizer, work, uncancelled)).values()].flat();
  expect(texts.map(({ stopped, tokens }) => [stopped, tokens])).toEqual(texts.map(() => ['length', 48]));
  const looped = texts.filter(({ loop }) => loop !== null);
  expect(looped.length).toBeGreaterThan(5);
  expect(looped.length).toBeLessThan(texts.length);
  for (const { text, loop } of looped) {
    const tail = text.slice(loop?.character);
    expect(tail).toMatch(/^(.+?)\1{3}/s);
    expect(tail.length).toBeGreaterThanOrEqual(32);
  }
});
