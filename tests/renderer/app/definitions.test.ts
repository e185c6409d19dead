import { expect, test } from 'vitest';
import { definitionGroups, definitions } from '../../../renderer/definitions/definitions.ts';
import type { DefinitionText } from '../../../renderer/definitions/definition-text.ts';

test('no name stands in two groups, where the later one would hide the earlier', () => {
  const names = definitionGroups.flatMap((group) => Object.keys(group));
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBe(Object.keys(definitions).length);
});

test('every definition says something of its own, in a sentence', () => {
  const texts: readonly DefinitionText[] = Object.values(definitions);
  expect(new Set(texts.map(({ text }) => text)).size).toBe(texts.length);
  for (const { term, text } of texts) {
    expect(text, term).toMatch(/[.)]$/);
    expect(text.length, term).toBeGreaterThan(term.length);
  }
});
