import { expect, test } from 'vitest';
import { curveLabel } from '../../../main/contract/method.ts';
import { methodName, refitName } from '../../../main/contract/plan.ts';
import { methodTitle } from '../../../main/figures/method-titles.ts';

test('every curve has a title of its own that says what was refitted', () => {
  const titles = methodName.options.flatMap((method) =>
    [null, ...refitName.options].map((refit) => methodTitle(curveLabel(method, refit))),
  );
  expect(new Set(titles).size).toBe(methodName.options.length * (1 + refitName.options.length));
  expect(methodTitle('m-smoe')).toBe('M-SMoE');
  expect(methodTitle('reap+recovery')).toBe('REAP, recovered');
  expect(methodTitle('reap+router')).toBe('REAP, router recovered');
  expect(methodTitle('reap+router+experts')).toBe('REAP, router and experts recovered');
});

test('a curve of an imported run stands under its own name', () => {
  expect(methodTitle('someone elses+recovery')).toBe('someone elses+recovery');
});
