import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answeredItems, loopedShare, textDifference } from '../../../main/evaluation/item-answers.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { choiceOutcome, textOutcome, writtenOutcome } from './outcomes.ts';

test('items are lost, gained or otherwise changed by the metric', () => {
  const before = ['right', 'right', 'wrong', 'wrong'].map((text, index) => writtenOutcome(String(index), text));
  const after = ['right', 'no', 'right ', 'other'].map((text, index) => writtenOutcome(String(index), text));
  const { items, counts } = answeredItems('exact_match', before, after);
  expect(counts).toEqual({ lost: 1, gained: 1, same: 2, otherwise: 3 });
  expect(items.map(({ change }) => change)).toEqual(['same', 'lost', 'gained', 'same']);
  expect(items[2]?.candidate).toEqual({
    kind: 'written',
    text: 'right ',
    filtered: 'right',
    stopped: 'until',
    isRight: true,
  });
  const chosen = [choiceOutcome('a', true, false)];
  const other = [choiceOutcome('a', true, true)];
  expect(answeredItems('acc', chosen, other).counts).toEqual({ lost: 0, gained: 0, same: 1, otherwise: 0 });
  expect(answeredItems('acc_norm', chosen, other).items[0]).toMatchObject({
    unpruned: { chosen: 1, isRight: false },
    candidate: { chosen: 0, isRight: true, logprobs: [-1, -2] },
    change: 'gained',
  });
  expect(answeredItems('acc_norm', chosen, other).counts).toEqual({ lost: 0, gained: 1, same: 0, otherwise: 1 });
  const cut = answeredItems('acc', chosen, [choiceOutcome('a', true, true, 3)]);
  expect(cut.items[0]?.truncatedTokens).toBe(3);
  expect(answeredItems('perplexity', [textOutcome('t', -2, 3)], [textOutcome('t', -3, 3)]).counts).toEqual({
    lost: 0,
    gained: 0,
    same: 1,
    otherwise: 1,
  });
  expect(answeredItems('perplexity', [textOutcome('t', -2, 3)], [textOutcome('t', -2, 3)]).counts.otherwise).toBe(0);
});

test('texts that ran out of tokens in a loop are counted, over all texts; short ones cannot loop', () => {
  const ended = writtenOutcome('a', 'right');
  const open = { ...ended, stopped: 'length', tokens: 64 } as const;
  const looped = { ...open, loop: { token: 8, character: 20, period: 2 } };
  expect(loopedShare([ended, { ...open, loop: null }, looped, looped])).toBe(0.5);
  expect(loopedShare([ended, { ...open, tokens: 4 }, looped])).toBeCloseTo(1 / 3, 12);
  // Recorded before loops were looked for.
  expect(loopedShare([open, looped])).toBeNull();
});

test('they count as the summary of the point does, and other items are refused', () => {
  const text = fc.constantFrom('right', 'wrong', ' right');
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 1 }), (pairs) => {
      const before = pairs.map(([one], index) => writtenOutcome(String(index), one));
      const after = pairs.map(([, one], index) => writtenOutcome(String(index), one));
      const { lost, gained, n } = summarise('exact_match', before, after);
      const { counts, items } = answeredItems('exact_match', before, after);
      expect([counts.lost, counts.gained, counts.same, items.length]).toEqual([lost, gained, n - lost - gained, n]);
    }),
  );
  expect(() => answeredItems('acc', [choiceOutcome('a', true)], [choiceOutcome('b', true)])).toThrow(/Item 1 is a/);
  expect(() => answeredItems('acc', [], [choiceOutcome('b', true)])).toThrow(/missing/);
});

test('the difference of two texts: its parts joined are the texts, and the common parts are not marked', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
      const [left, right] = textDifference(one, other);
      expect([left, right].map(({ before, changed, after }) => before + changed + after)).toEqual([one, other]);
      expect([left.before, left.after]).toEqual([right.before, right.after]);
      expect(left.changed === right.changed).toBe(one === other);
    }),
  );
  expect(textDifference('comite', 'compater')[1]).toEqual({ before: 'com', changed: 'pater', after: '' });
  expect(textDifference('aa', 'aaa')).toEqual([
    { before: 'aa', changed: '', after: '' },
    { before: 'aa', changed: 'a', after: '' },
  ]);
});
