import fc from 'fast-check';
import { expect, test } from 'vitest';
import { methodName } from '../../../main/contract/plan.ts';
import { methodNameOfFile } from '../../../renderer/plan/method-files.ts';

test('a file is called as a method after its name, and never like another one', () => {
  expect(methodNameOfFile('My Ranking (v2).json', [])).toBe('my-ranking-v2');
  expect(methodNameOfFile('Größe.json', [])).toBe('gro-e');
  expect(methodNameOfFile('reap.json', ['reap'])).toBe('reap-2');
  expect(methodNameOfFile('reap.json', ['reap', 'reap-2'])).toBe('reap-3');
  expect(methodNameOfFile('1234.json', [])).toBe('file');
});

test('whatever the file is called, its name is one of a method and free', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.array(fc.constantFrom<string>('file', 'file-2', 'a')),
      (name, taken) => {
        const method = methodNameOfFile(name, taken);
        return methodName.safeParse(method).success && !taken.includes(method);
      },
    ),
  );
});
