import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { choiceItem, type ChoiceItem } from '../../../main/contract/task.ts';
import { TWIN_SUFFIX } from '../../../main/evaluation/choice-and-writing.ts';
import { exchangeQuestions } from '../../../main/evaluation/without-question.ts';
import { mean } from '../../../main/statistics/bootstrap.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { pairedTasks } from '../../../main/workspace/library.ts';
import { openRunner, uncancelled } from '../inference/open-runner.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

const item = fc.record({
  id: fc.string({ minLength: 1 }),
  context: fc.string(),
  choices: fc.array(fc.string(), { minLength: 2, maxLength: 4 }),
  answer: fc.constant(0),
});

test('every question appears once, before the choices of the preceding item', () => {
  fc.assert(
    fc.property(fc.array(item, { minLength: 2, maxLength: 20 }), (items: ChoiceItem[]) => {
      const exchanged = exchangeQuestions(items) ?? expect.fail('items were refused');
      expect(exchanged.map(({ context: _, ...rest }) => rest)).toEqual(items.map(({ context: _, ...rest }) => rest));
      expect(exchanged.map(({ context }) => context)).toEqual(
        [...items.slice(1), ...items.slice(0, 1)].map(({ context }) => context),
      );
    }),
  );
});

test('texts and single items have no question to exchange', () => {
  expect(
    exchangeQuestions([
      { id: 'a', text: 'words' },
      { id: 'b', text: 'more' },
    ]),
  ).toBeNull();
  expect(exchangeQuestions([{ id: 'a', context: 'q', choices: ['x', 'y'], answer: 1 }])).toBeNull();
  expect(exchangeQuestions([])).toBeNull();
});

test('task.json states the measured accuracy without the question, near chance', async () => {
  const runner = await openRunner(join(resources, 'models', 'uncurl-8'));
  for (const name of ['sort', 'plural', 'mood', 'capital']) {
    const task = await loadTask(join(resources, 'tasks', name));
    const exchanged = exchangeQuestions(task.test) ?? expect.fail(`${name} has no choices`);
    const outcomes = (await runner.evaluate(exchanged, [{ key: 'all', plan: null }], uncancelled)).get('all') ?? [];
    const measured = mean(
      outcomes.map((outcome) => (outcome.kind === 'choice' && outcome.chosen === outcome.answer ? 1 : 0)),
    );
    expect(measured, name).toBe(task.withoutQuestion?.['uncurl-8']);
    const chance = mean(exchanged.map(({ choices }) => 1 / choices.length));
    // Three standard errors of guessing.
    expect(Math.abs(measured - chance), name).toBeLessThan(3 * Math.sqrt((chance * (1 - chance)) / exchanged.length));
  }
});

test('the choices of sort and plural are alike in length and form, and mood is halved', async () => {
  // Written twins have no items of their own, and other tasks have no choices.
  const names = pairedTasks(await readdir(join(resources, 'tasks'))).filter((name) => !name.endsWith(TWIN_SUFFIX));
  expect(names).toHaveLength(9);
  for (const name of names) {
    for (const split of ['calibration', 'test']) {
      const lines = (await readFile(join(resources, 'tasks', name, `${split}.jsonl`), 'utf8')).trim().split('\n');
      const items = lines.map((line) => choiceItem.parse(JSON.parse(line)));
      for (const { id, choices } of items) {
        if (name !== 'sort' && name !== 'plural') continue;
        expect(new Set(choices.map((choice) => choice.length)).size, id).toBe(1);
        if (name === 'sort')
          expect(
            choices.every((choice) => Array.from(choice.trim()).sort().join('') === choice.trim()),
            id,
          ).toBe(true);
        else expect(new Set(choices.map((choice) => choice.at(-2))).size, id).toBe(1);
      }
      if (name === 'mood')
        expect(items.filter(({ choices, answer }) => choices[answer] === 'good\n').length * 2).toBe(items.length);
    }
  }
});
