import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import type { ItemAnswers } from '../../../main/contract/outcomes.ts';
import { outcomesStore } from '../../../renderer/state/dialog-stores.ts';
import { ItemAnswer } from '../../../renderer/sweep/item-answer.tsx';

const written = (text: string, isRight: boolean, more: { filtered?: string; stopped?: 'length' } = {}) => ({
  kind: 'written' as const,
  text,
  filtered: more.filtered ?? null,
  stopped: more.stopped ?? ('until' as const),
  isRight,
});
const item: ItemAnswers = {
  item: 'fr-10',
  asked: { context: 'french committee>', choices: [], right: ['comite'] },
  unpruned: written('comite', true),
  candidate: written('compater', false, { filtered: 'pater', stopped: 'length' }),
  change: 'lost',
  truncatedTokens: 0,
};
const markup = (answers: ItemAnswers): string => renderToStaticMarkup(<ItemAnswer answers={answers} />);

test('a lost item shows the question, the right answer, and both texts with their differences marked', () => {
  const shown = markup(item);
  expect(shown).toContain('fr-10, lost: right only without pruning');
  expect(shown).toContain('<pre>french committee&gt;</pre>');
  expect(shown).toContain('<code>comite</code>');
  expect(shown).toContain('<code>com<mark>ite</mark></code>');
  expect(shown).toContain('<code>com<mark>pater</mark></code>');
  expect(shown).toContain('read as <code>pater</code>');
  expect(shown.match(/ended by its length/g)).toHaveLength(1);
  expect([shown.match(/>right: </g)?.length, shown.match(/>wrong: </g)?.length]).toEqual([1, 1]);
});

test('a loop is marked from its beginning, and told with its period', () => {
  const looped = { ...written('comaaaa', false, { stopped: 'length' }), loop: { character: 3, period: 1 } };
  const shown = markup({ ...item, candidate: looped });
  expect(shown).toContain('<span class="outcome-loop">aaaa</span>');
  expect(shown).toContain('looped every token, from character 4 on, until its length ended it');
});

test('equal texts have no mark, an empty one is stated, and a truncated context is reported', () => {
  const same = markup({ ...item, candidate: written('comite', true), change: 'same', truncatedTokens: 3 });
  expect(same).not.toContain('<mark>');
  expect(same).toContain('3 tokens of its context cut');
  expect(markup({ ...item, candidate: written('', false) })).toContain('<span class="muted">nothing</span>');
});

test('for multiple choice, both choices are named, with the log-probability of each', () => {
  const choice = (chosen: number, isRight: boolean) => ({
    kind: 'choice' as const,
    chosen,
    logprobs: [-0.25, -1.5],
    isRight,
  });
  const asked = { context: 'a>', choices: ['yes\n', 'no\n'], right: ['yes\n'] };
  const shown = markup({ ...item, asked, unpruned: choice(0, true), candidate: choice(1, false) });
  expect(shown).toContain('<mark>yes</mark>');
  expect(shown).toContain('<mark>no</mark>');
  expect(shown).toMatch(/<li class="outcome-chosen">yes [-\u2212]0\.250<\/li><li>no [-\u2212]1\.500<\/li>/);
  expect(markup({ ...item, asked: null, unpruned: choice(0, true), candidate: choice(1, false) })).toContain(
    'choice 2',
  );
});

test('the dialog opens on the lost items, at the first one', () => {
  const point = { run: 'r', model: 'm', task: 't', method: 'reap', seed: null, factor: 2 };
  const { show, choose } = outcomesStore.getState();
  show(point);
  choose('same');
  outcomesStore.setState({ from: 50 });
  expect(outcomesStore.getState()).toMatchObject({ point, filter: 'same', from: 50 });
  choose('gained');
  expect(outcomesStore.getState()).toMatchObject({ filter: 'gained', from: 0 });
  show(point);
  expect(outcomesStore.getState()).toMatchObject({ filter: 'lost', from: 0 });
  show(null);
  expect(outcomesStore.getState().point).toBeNull();
});
