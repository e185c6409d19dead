import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ItemOutcome, kindFields, outcomeFields } from '../../../main/contract/outcome.ts';
import { type OutcomeBlock, writeOutcomes } from '../../../main/runs/outcomes-parquet.ts';
import { readPointBlocks } from '../../../main/runs/read-outcomes.ts';
import { choiceOutcome, textOutcome, writtenOutcome } from '../evaluation/outcomes.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

test('columns and lists have the names and the order of files that are stored', () => {
  expect(Object.values(outcomeFields).flatMap(({ columns }) => Object.keys(columns))).toEqual([
    ...['answer', 'also_right', 'chosen', 'chosen_norm', 'correct', 'correct_norm', 'logprob', 'logprobs', 'tokens'],
    ...['truncated_tokens', 'item_group', 'written', 'filtered', 'stopped'],
    ...['loop_token', 'loop_character', 'loop_period'],
    ...['scored_positions', 'kl', 'reverse_kl', 'changed_token', 'acceptance'],
    ...['class_positions', 'class_kl', 'class_changed'],
  ]);
  const listsOf = (kind: ItemOutcome['kind']) => kindFields[kind].map(([name, { inStep = name }]) => inStep).sort();
  expect(listsOf('choice')).toEqual(
    ['answer', 'alsoRight', 'chosen', 'chosenNorm', 'truncatedTokens', 'logprobs', 'groups', 'fidelity'].sort(),
  );
  expect(listsOf('text')).toEqual(['fidelity', 'logprob', 'tokens']);
  expect(listsOf('written')).toEqual(
    [
      ...['text', 'filtered', 'correct', 'tokens', 'stopped', 'loops', 'truncatedTokens', 'groups', 'fidelity'],
      'tokenIds',
    ].sort(),
  );
});

test('outcomes of every kind come back from one file', async () => {
  const file = join(await temporaryFolder(), 'outcomes.parquet');
  const fidelity = { positions: 7, kl: 0.25, reverseKl: 1.5, changed: 1 / 7, acceptance: 0.9 };
  const four = { positions: 4, kl: 0.0625, changed: 0 };
  const kinds: Readonly<Record<string, readonly ItemOutcome[]>> = {
    chosen: [choiceOutcome('a', true, false, 2)],
    severalRight: [{ ...choiceOutcome('a', true, false, 2), alsoRight: [1] }, choiceOutcome('b', true, false, 2)],
    texts: [textOutcome('t', -2.5, 3)],
    written: [writtenOutcome('w', ' right\u2028"é\n', 4), writtenOutcome('empty', '')],
    loops: [
      { ...writtenOutcome('none', 'right'), loop: null },
      { ...writtenOutcome('periodic', 'abab'), stopped: 'length', loop: { token: 9, character: 31, period: 2 } },
      { ...writtenOutcome('stale', 'abba'), stopped: 'length', loop: { token: 0, character: 0, period: null } },
      writtenOutcome('unrecorded', 'right'),
    ],
    comparedChoices: [{ ...choiceOutcome('a', true, false, 2), fidelity }],
    comparedTexts: [{ ...textOutcome('t', -2.5, 3), fidelity }, textOutcome('without', -1, 2)],
    comparedClasses: [
      {
        ...choiceOutcome('a', true, false, 2),
        fidelity: { ...fidelity, classes: { digit: { positions: 3, kl: 0.5, changed: 1 / 3 }, other: four } },
      },
    ],
    comparedWritten: [{ ...writtenOutcome('w', 'right'), fidelity }],
  };
  const candidate = { run: 'r', model: 'm', method: 'reap', seed: null, factor: 2, kept: 8 };
  await writeOutcomes(
    file,
    (async function* (): AsyncGenerator<OutcomeBlock> {
      for (const [task, outcomes] of Object.entries(kinds)) yield { ...candidate, task, outcomes };
    })(),
  );
  const found: Record<string, readonly ItemOutcome[]> = {};
  for await (const { point, outcomes } of (await readPointBlocks(file)) ?? []) found[point.task] = outcomes;
  expect(found).toEqual(kinds);
});

test('a candidate of two hundred thousand items is written and read', async () => {
  const file = join(await temporaryFolder(), 'outcomes.parquet');
  const outcomes = Array.from({ length: 200_000 }, (_, item) => textOutcome(String(item), -item, 1));
  const block = { run: 'r', model: 'm', task: 't', method: 'reap', seed: null, factor: 2, kept: 8, outcomes };
  await writeOutcomes(
    file,
    (async function* (): AsyncGenerator<OutcomeBlock> {
      yield block;
    })(),
  );
  const found: ItemOutcome[] = [];
  for await (const { outcomes: read } of (await readPointBlocks(file)) ?? []) for (const each of read) found.push(each);
  expect(found.length).toBe(outcomes.length);
  expect(found.findIndex(({ id }, item) => id !== String(item))).toBe(-1);
});

test('a file that is moved while it is read, as a run into the trash, is not called damaged', async () => {
  const file = join(await temporaryFolder(), 'outcomes.parquet');
  const candidate = { run: 'r', model: 'm', task: 't', method: 'reap', seed: null, factor: 2, kept: 8 };
  await writeOutcomes(
    file,
    (async function* (): AsyncGenerator<OutcomeBlock> {
      yield { ...candidate, outcomes: [textOutcome('a', -1, 1)] };
    })(),
  );
  const blocks = await readPointBlocks(file);
  await rename(file, `${file}.moved`);
  await expect(blocks?.next()).rejects.toMatchObject({ code: 'missing-file', message: expect.stringContaining(file) });
});
