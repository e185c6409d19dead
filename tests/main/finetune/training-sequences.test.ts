import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { trainingSequences } from '../../../main/finetune/training-sequences.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { profiledText } from '../../../main/tasks/task.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const tokenizer =
  (await loadTokenizer(join(resources, 'models', 'uncurl-8'))) ?? expect.fail('uncurl-8 has a tokenizer');
const german = await loadTask(join(resources, 'tasks', 'german'));

test('every calibration item is learnt, its right answer alone counted, and no test item', () => {
  const sequences = trainingSequences([german], tokenizer, 64);
  expect(sequences.map(([tokens]) => tokenizer.decode(tokens))).toEqual(german.calibration.map(profiledText));
  const answers = sequences.map(([tokens, context]) => tokenizer.decode(tokens.slice(context)));
  expect(answers).toEqual(german.calibration.map((item) => ('choices' in item ? item.choices[item.answer] : '')));
  const tested = new Set(german.test.map(profiledText));
  expect(sequences.some(([tokens]) => tested.has(tokenizer.decode(tokens)))).toBe(false);
});

test('a long item loses its beginning, and keeps at least one token of context', () => {
  for (const [tokens, context] of trainingSequences([german], tokenizer, 4)) {
    expect(tokens.length).toBeLessThanOrEqual(4);
    expect(context).toBeGreaterThanOrEqual(1);
    expect(tokenizer.decode(tokens).endsWith('\n')).toBe(true);
  }
});

test('a task without calibration items, and one whose calibration items another tests, are refused', () => {
  expect(() => trainingSequences([{ ...german, calibration: [] }], tokenizer, 64)).toThrow(/no calibration split/);
  const twin = { ...german, name: 'twin', calibration: german.test.slice(0, 1), test: german.calibration.slice(0, 1) };
  expect(() => trainingSequences([german, twin], tokenizer, 64)).toThrow(/has the text of test item/);
});
