/** A task some of whose items have several right choices: any of them is right, as in the harness, item by item. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadTask } from '../../main/tasks/load-task.ts';
import { isChoiceItem } from '../../main/tasks/task.ts';
import { expectSameLogprobs, openTaskHub, type TaskHub } from './task-hub.ts';

const POSITIONS = 256;
const NAME = 'several_right';
const rows = Array.from({ length: 24 }, (_, index) => ({
  question: `Which of these is number ${String(index)}?`,
  options: [' the river', ' a stone', ' the lamp of the winter garden', ' it', ' paper and letters'],
  // In any order, and some of them twice.
  right: [
    (index + 3) % 5,
    ...(index % 3 === 0 ? [] : [index % 5]),
    ...(index % 4 === 1 ? [(index + 4) % 5, (index + 3) % 5] : []),
  ],
}));
const yaml = (file: string): string =>
  `task: ${NAME}
dataset_path: json
dataset_kwargs: {data_files: {test: ${JSON.stringify(file)}}}
output_type: multiple_choice
test_split: test
doc_to_text: "{{ question }}"
doc_to_choice: options
doc_to_target: right
target_delimiter: ""
metric_list: [{metric: acc}, {metric: acc_norm}]
`;

let hub: TaskHub;
beforeAll(async () => {
  hub = await openTaskHub(POSITIONS, () => []);
});
afterAll(() => hub.close());

it('any of several right choices is right by acc and acc_norm, item by item', async () => {
  const [data, document] = [path.join(hub.work, 'rows.jsonl'), path.join(hub.work, 'several.yaml')];
  await writeFile(data, rows.map((row) => JSON.stringify(row)).join('\n'));
  await writeFile(document, yaml(data));
  const [made] = await hub.importNamed(document);
  const folder = made?.folder ?? '';
  const { test } = await loadTask(folder);
  expect(test.map((item) => (isChoiceItem(item) ? [item.answer, ...(item.alsoRight ?? [])] : []))).toEqual(
    rows.map(({ right }) => [...new Set(right)].toSorted((a, b) => a - b)),
  );
  const [theirs] = await hub.harness([{ tasks: [document], fewshot: null }]);
  const swept = await hub.sweep([folder]);
  const own = swept.results.find((point) => point.factor === 1);
  const { 'acc,none': acc, 'acc_norm,none': accNorm } = theirs?.results[NAME] ?? {};
  expect([own?.acc, own?.accNorm]).toEqual([acc, accNorm]);
  const outcomes = (await hub.outcomesOf(swept.run)).get(NAME) ?? [];
  expectSameLogprobs(outcomes, theirs?.samples[NAME] ?? [], NAME);
  const judged = theirs?.judged[NAME] ?? [];
  expect(outcomes.map(({ correct }) => Number(correct))).toEqual(judged.map((values) => values['acc']));
  expect(outcomes.map(({ correct_norm }) => Number(correct_norm))).toEqual(judged.map((values) => values['acc_norm']));
  // By the first right choice alone, other items would be right.
  expect(outcomes.some(({ correct, chosen, answer }) => correct === true && chosen !== answer)).toBe(true);
});
