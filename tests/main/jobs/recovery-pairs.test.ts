import { expect, test } from 'vitest';
import { RecoveryPairs } from '../../../main/jobs/recovery-pairs.ts';
import { recoveryWords } from '../../../main/words/sweep-facts.ts';
import { choiceOutcome, textOutcome } from '../evaluation/outcomes.ts';

const answers = (right: number) => Array.from({ length: 200 }, (_, item) => choiceOutcome(String(item), item < right));

test(
  'each plan is compared with itself recovered, in whatever order they come, and the sentence names what did ' +
    'not help',
  () => {
    const pairs = new RecoveryPairs('acc');
    expect(pairs.compared).toEqual([]);
    const point = { seed: null, keep: 4, factor: 4 };
    pairs.add({ ...point, method: 'reap', refit: 'experts' }, answers(150));
    pairs.add({ ...point, method: 'ream', refit: null }, answers(150));
    pairs.add({ ...point, method: 'ream', keep: 8, factor: 2, refit: 'experts' }, answers(0));
    expect(pairs.compared).toEqual([]);
    pairs.add({ ...point, method: 'reap', refit: null }, answers(100));
    pairs.add({ ...point, method: 'ream', refit: 'experts' }, answers(100));
    pairs.add({ ...point, method: 'eep', seed: 3, refit: null }, answers(100));
    pairs.add({ ...point, method: 'eep', seed: 3, refit: 'experts' }, answers(101));
    expect(recoveryWords(pairs.compared, 'acc')).toBe(
      'recovery is better than the same plan without it at 1 of 3 points (paired 95 % interval); ' +
        'no difference beyond the interval: eep (seed 3) at factor 4 (+0.5 points); worse: ream at factor 4 ' +
        '(\u221225.0 points).',
    );
  },
);

test('recoveries of one plan are each compared with it, by their names', () => {
  const pairs = new RecoveryPairs('acc');
  const point = { method: 'reap', seed: null, keep: 4, factor: 4 };
  pairs.add({ ...point, refit: 'router' }, answers(50));
  pairs.add({ ...point, refit: null }, answers(100));
  pairs.add({ ...point, refit: 'router+experts' }, answers(150));
  expect(recoveryWords(pairs.compared, 'acc')).toBe(
    'recovery is better than the same plan without it at 1 of 2 points (paired 95 % interval); ' +
      'worse: reap+router at factor 4 (\u221225.0 points).',
  );
});

test('a lower perplexity is better', () => {
  const pairs = new RecoveryPairs('perplexity');
  const texts = (each: number) => Array.from({ length: 30 }, (_, item) => textOutcome(String(item), 10 * each, 10));
  const point = { method: 'reap', seed: null, keep: 4, factor: 4 };
  pairs.add({ ...point, refit: null }, texts(-3));
  pairs.add({ ...point, refit: 'experts' }, texts(-2));
  expect(recoveryWords(pairs.compared, 'perplexity')).toMatch(/better than the same plan without it at 1 of 1 points/);
});

test('a comparison holds nothing but its own fields: it crosses to another process', () => {
  const pairs = new RecoveryPairs('acc');
  const step = { method: 'reap', seed: null, keep: 4, factor: 4, read: () => null };
  pairs.add({ ...step, refit: null }, answers(100));
  pairs.add({ ...step, refit: 'experts' }, answers(150));
  const [compared] = structuredClone(pairs.compared);
  expect(Object.keys(compared ?? {}).sort()).toEqual(
    ['difference', 'factor', 'keep', 'method', 'refit', 'seed', 'verdict'].sort(),
  );
});
