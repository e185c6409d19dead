import { expect, test } from 'vitest';
import { safetySentence } from '../../../main/words/verdicts.ts';

const found = (lastSafe: number, firstUnsafe: number | null) =>
  ({
    verdict: firstUnsafe === null ? 'all-safe' : lastSafe > 1 ? 'found' : 'none-safe',
    lastSafe,
    firstUnsafe,
  }) as const;

test('the answer is one sentence: how far, by which method, chosen and written', () => {
  const chosen = { best: found(4, 8), methods: ['reap'] };
  expect(safetySentence(chosen, { best: found(2, 4), methods: ['frequency', 'reap'] })).toBe(
    'safe to ×4 by REAP; written: safe to ×2 by Frequency and 1 more.',
  );
  expect(safetySentence({ best: found(8, null), methods: ['reap'] }, null)).toBe('safe to ×8 or more by REAP.');
});

test('where nothing is safe, or nothing can be said, the sentence says that', () => {
  expect(safetySentence({ best: found(1, 2), methods: ['reap'] }, null)).toBe('not safe at ×2 by any method.');
  const few = { verdict: 'cannot-tell', lastSafe: null, firstUnsafe: null } as const;
  const chance = { verdict: 'at-chance', lastSafe: null, firstUnsafe: null } as const;
  expect(safetySentence({ best: few, methods: [] }, { best: chance, methods: [] })).toBe(
    'too few items to tell; written: nothing to lose.',
  );
  expect(safetySentence(null, null)).toBe('not measured in this sweep.');
});
