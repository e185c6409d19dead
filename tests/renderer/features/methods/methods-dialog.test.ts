import { expect, test } from 'vitest';
import { methodPage } from '../../../../main/pruning/method-page.ts';
import { methodNames, methods } from '../../../../main/pruning/methods.ts';
import { pageSections } from '../../../../renderer/features/methods/methods-dialog.tsx';
import { methodGroups } from '../../../../renderer/plan/method-select.tsx';

const pages = methods.map(methodPage);

test('every line that the command line prints is shown, once and in order', () => {
  for (const { text, pitfalls } of pages) {
    const { title, summary, facts, lists } = pageSections(text);
    const lines = [
      title,
      summary,
      ...facts.map((fact) => `${fact.term}: ${fact.text}`),
      ...lists.flatMap(({ term, points }) => [`${term}:`, ...points.map((point) => `- ${point}`)]),
    ];
    expect(lines).toEqual(text.split('\n').filter((line) => line !== ''));
    expect(facts.map(({ term }) => term)).toEqual(
      expect.arrayContaining(['Does', 'Needs', 'Cost', 'Formula', 'Defaults', 'Source']),
    );
    expect(lists.at(-1)).toEqual({ term: 'Pitfalls', points: pitfalls });
  }
});

test('every method is in one group', () => {
  const groups = methodGroups(pages);
  expect(groups.map(({ title }) => title)).toEqual(['Drop', 'Merge', 'Search']);
  expect(groups.flatMap((group) => group.pages.map(({ name }) => name)).sort()).toEqual([...methodNames].sort());
});
