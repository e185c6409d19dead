import { expect, test } from 'vitest';
import { curveLabel, methodOfLabel, weightsOfLabel } from '../../../main/contract/method.ts';
import { refitName } from '../../../main/contract/plan.ts';
import { compareMethodLabels, countedMethods, methodInProse, methodTitle } from '../../../main/words/methods.ts';
import { methodNames } from '../../../main/pruning/methods.ts';

test('published methods are spelled like their authors do, others get a capital, files are unchanged', () => {
  expect(
    ['hc-smoe', 'reap+recovery', 'least-index', 'least-index+router', 'unpruned', 'My plan.json'].map(methodTitle),
  ).toEqual(['HC-SMoE', 'REAP, recovered', 'Least index', 'Least index, router recovered', 'unpruned', 'My plan.json']);
  expect(new Set(methodNames.map(methodTitle)).size).toBe(methodNames.length);
});

test('rounded weights are named after the method', () => {
  expect(['reap@q8_0', 'reap+recovery@q4_0', 'unpruned@bf16', 'mine@q5_1'].map(methodTitle)).toEqual([
    ...['REAP at q8_0', 'REAP, recovered at q4_0', 'unpruned at bf16', 'Mine at q5_1'],
  ]);
  expect(curveLabel('reap', 'experts', 'q4_0')).toBe('reap+recovery@q4_0');
  expect(methodOfLabel('reap+recovery@q4_0')).toEqual({ method: 'reap', isRecovered: true, refit: 'experts' });
  expect(weightsOfLabel('reap+recovery@q4_0')).toEqual({ bare: 'reap+recovery', weights: 'q4_0' });
});

test('curves are in the order of the list of methods, each before its recovered variant, others last by name', () => {
  const published = methodNames.filter((name) => compareMethodLabels(name, '') < 0);
  const labels = published.flatMap((name) => [name, `${name}+recovery`]);
  const shuffled = ['zeta', ...labels, 'alpha'].reverse();
  expect(published.length).toBeGreaterThanOrEqual(18);
  expect(shuffled.sort(compareMethodLabels)).toEqual([...labels, 'alpha', 'zeta']);
});

test('every curve has a different title that says what was refitted', () => {
  const titles = methodNames.flatMap((method) =>
    [null, ...refitName.options].map((refit) => methodTitle(curveLabel(method, refit))),
  );
  expect(new Set(titles).size).toBe(methodNames.length * (1 + refitName.options.length));
  expect(methodTitle('reap+router+experts')).toBe('REAP, router and experts recovered');
});

test('within a sentence methods are spelled like their authors do, and ordinary words in lower case', () => {
  const labels = ['random', 'reap', 'sub-moe', 'mone', 'gate-mass', 'least-index', 'reap+recovery', 'My file'];
  expect(labels.map(methodInProse)).toEqual([
    ...['random', 'REAP', 'Sub-MoE', 'MoNE', 'gate mass', 'least index', 'REAP (recovered)', 'My file'],
  ]);
});

test('methods are counted once, whatever the types of weights they were measured at', () => {
  expect(countedMethods(['reap'])).toBe('1 method');
  expect(countedMethods(['reap', 'frequency', 'reap+recovery'])).toBe('3 methods');
  const curves = ['reap', 'frequency'].flatMap((method) => [method, `${method}@q8_0`, `${method}@q4_0`]);
  expect(countedMethods(curves)).toBe('2 methods at 3 types of weights');
});
