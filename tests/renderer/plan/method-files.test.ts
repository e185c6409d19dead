import fc from 'fast-check';
import { expect, test } from 'vitest';
import { methodName } from '../../../main/contract/plan.ts';
import { candidateNameOfFolder, methodNameOfFile } from '../../../renderer/plan/method-files.ts';

test('the method of a file is named after it, and never like another method', () => {
  expect(methodNameOfFile('My Ranking (v2).json', [])).toBe('my-ranking-v2');
  expect(methodNameOfFile('Größe.json', [])).toBe('gro-e');
  expect(methodNameOfFile('reap.json', ['reap'])).toBe('reap-2');
  expect(methodNameOfFile('reap.json', ['reap', 'reap-2'])).toBe('reap-3');
  expect(methodNameOfFile('1234.json', [])).toBe('file');
});

test('for any file name, the result is a valid and unused method name', () => {
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

test('the curve of a folder is named after it, and never like another one', () => {
  expect(candidateNameOfFolder('/made/uncurl-8 tuned/', [])).toBe('uncurl-8 tuned');
  expect(candidateNameOfFolder('C:\\made\\1: \u00fcber', ['ber'])).toBe('ber-2');
  expect(candidateNameOfFolder('/', [])).toBe('folder');
});
