import { expect, test } from 'vitest';
import { definitions } from '../../../renderer/definitions.ts';
import type { DefinitionText } from '../../../renderer/definitions.ts';

test('every definition says something of its own, in a sentence', () => {
  const texts: readonly DefinitionText[] = Object.values(definitions);
  expect(new Set(texts.map(({ text }) => text)).size).toBe(texts.length);
  for (const { term, text } of texts) {
    expect(text, term).toMatch(/[.)]$/);
    expect(text.length, term).toBeGreaterThan(term.length);
  }
});
