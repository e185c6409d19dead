import { expect, test } from 'vitest';
import { modelsAndTasks } from '../../../main/words/definitions/models-and-tasks.ts';
import { results } from '../../../main/words/definitions/results.ts';
import { routingAndPlans } from '../../../main/words/definitions/routing-and-plans.ts';
import { definitionNamed, definitions } from '../../../renderer/definitions/definitions.ts';
import type { DefinitionText } from '../../../main/words/definitions/definition-text.ts';

test('no key is in two groups, where the later would hide the earlier', () => {
  const groups = [routingAndPlans, modelsAndTasks, results];
  const entries = groups.flatMap((group) => Object.entries(group));
  expect(new Set(entries.map(([name]) => name)).size).toBe(entries.length);
  // Settings of the contract come last.
  for (const [name, definition] of entries) expect(definitions[definitionNamed(name)], name).toBe(definition);
  expect(Object.keys(definitions).length).toBeGreaterThan(entries.length);
});

test('every definition adds something to its term, in a sentence', () => {
  const texts: readonly DefinitionText[] = Object.values(definitions);
  expect(new Set(texts.map(({ text }) => text)).size).toBe(texts.length);
  for (const { term, text } of texts) {
    expect(text, term).toMatch(/[.)]$/);
    expect(text.length, term).toBeGreaterThan(term.length);
  }
});

test('a tip has at most 60 words: what is longer stands in the documentation', () => {
  const wordsOf = (text: string): number => text.split(/\s+/u).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
  const long = Object.entries(definitions).filter(([, { text }]) => wordsOf(text) > 60);
  expect(long.map(([name]) => name)).toEqual([]);
});
