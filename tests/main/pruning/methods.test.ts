import { describe, expect, it } from 'vitest';
import { methodName } from '../../../main/contract/plan.ts';
import { methods } from '../../../main/pruning/methods.ts';

describe('methods', () => {
  it.each(methodName.options)('%s has its own page, complete', (name) => {
    const { title, summary, formula, source, defaults, pitfalls, ...method } = methods[name];
    expect(method.name).toBe(name);
    for (const text of [title, summary, formula, source, defaults, ...pitfalls]) expect(text.trim()).toMatch(/\S{2,}/);
    expect(summary).toMatch(/\.$/);
    expect(pitfalls.length).toBeGreaterThan(0);
  });
});
