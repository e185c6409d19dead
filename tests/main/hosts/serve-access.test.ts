import { expect, test } from 'vitest';
import { createGuessDelay } from '../../../main/hosts/serve.ts';

test('each wrong guess waits twice as long, up to ten seconds, and is forgotten after a minute', async () => {
  let now = 0;
  const slept: number[] = [];
  const delay = createGuessDelay(
    () => now,
    (milliseconds) => {
      slept.push(milliseconds);
      return Promise.resolve();
    },
  );
  for (let guess = 0; guess < 30; guess += 1) expect(await delay.wait()).toBe(true);
  expect(slept.slice(0, 4)).toEqual([100, 200, 400, 800]);
  expect(slept).toHaveLength(20);
  expect(Math.max(...slept)).toBe(10_000);
  now = 60_000;
  slept.length = 0;
  expect(await delay.wait()).toBe(true);
  expect(slept).toEqual([]);
});

test('at most 64 guesses wait at a time', async () => {
  const waking: (() => void)[] = [];
  const delay = createGuessDelay(
    () => 0,
    () => new Promise((resolve) => waking.push(resolve)),
  );
  const answers = Array.from({ length: 1000 }, () => delay.wait());
  await Promise.resolve();
  expect(waking).toHaveLength(64);
  waking.forEach((wake) => wake());
  const ended = await Promise.all(answers);
  expect(ended.filter((isAnswered) => isAnswered)).toHaveLength(10 + 64);
});
