import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { methodName } from '../../../main/contract/plan.ts';
import { optionTexts, methodPage } from '../../../main/pruning/method-page.ts';
import { methodNamed, methodNames, methods } from '../../../main/pruning/methods.ts';

describe('methods', () => {
  it('lists every method that a file of main/pruning/methods defines, once and under a name of its own', async () => {
    const folder = new URL('../../../main/pruning/methods/', import.meta.url);
    const files = (await readdir(folder)).map((file) => import(new URL(file, folder).href) as Promise<object>);
    const exported = (await Promise.all(files)).flatMap((file) => Object.values(file) as unknown[]);
    const defined = exported.filter((value) => typeof value === 'object');
    expect(new Set(methods)).toEqual(new Set(defined));
    expect(methods).toHaveLength(defined.length);
    expect(new Set(methodNames).size).toBe(methods.length);
    for (const name of methodNames) expect(methodName.parse(name)).toBe(name);
  });

  it('names the nearest where there is no such method', () => {
    expect(() => methodNamed('frequncy')).toThrow(
      expect.objectContaining({ code: 'no-such-method', remedy: 'Did you mean "frequency"?' }),
    );
    expect(() => methodNamed('constructor')).toThrow('There is no method "constructor".');
  });

  it.each(methodNames)('%s has its own page, complete', (name) => {
    const method = methodNamed(name);
    const { title, summary, formula, source, defaults, cost, pitfalls } = method;
    expect(method.name).toBe(name);
    for (const text of [title, summary, formula, source, defaults, cost, ...pitfalls])
      expect(text.trim()).toMatch(/\S{2,}/);
    expect(summary).toMatch(/\.$/);
    expect(pitfalls.length).toBeGreaterThan(0);
    const page = methodPage(method).text;
    for (const text of [title, summary, formula, source, defaults, cost, ...pitfalls]) expect(page).toContain(text);
    const { behaviour } = method.prepare({});
    expect(behaviour.kind).toBe(method.needs === 'search' || method.needs === 'fit' ? 'search' : method.kind);
  });

  it.each(methodNames)('%s describes every option, with a default that it takes', (name) => {
    const method = methodNamed(name);
    const texts = optionTexts(method);
    expect(texts.map((option) => option.name).sort()).toEqual(Object.keys(method.options.shape).sort());
    for (const { help, kind, choices, default: value } of texts) {
      expect(help).toMatch(/\.$/);
      if (kind === 'choice') expect(choices).toContain(String(value));
    }
    expect(method.prepare(Object.fromEntries(texts.map((option) => [option.name, option.default]))).options).toEqual(
      method.prepare({}).options,
    );
  });

  it('shows options with their values', () => {
    expect(methodPage(methodNamed('reap')).text).toContain(
      '- form (mean | sum; default mean): Mean over the tokens routed to the expert, or their sum.',
    );
    expect(methodPage(methodNamed('unified')).text).toContain('- alpha (0 | 1 | 2; default 2)');
    expect(methodPage(methodNamed('uncurl')).text).toContain('- align (true | false; default true)');
    expect(methodPage(methodNamed('random')).text).toContain('Options: none');
  });
});
