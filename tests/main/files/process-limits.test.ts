import { expect, test } from 'vitest';
import { explainFileError } from '../../../main/files/file-errors.ts';
import { isLack, limitsIn, noThread, processLimits, requireLimits } from '../../../main/files/process-limits.ts';
import { explainReadError } from '../../../main/files/regular-file.ts';

const TEXT = `Limit                     Soft Limit           Hard Limit           Units
Max stack size            8388608              unlimited            bytes
Max open files            24                   1048576              files
Max address space         3072000000           unlimited            bytes
`;

test('limits are read as the system lists them; none where it lists none', () => {
  expect(limitsIn(TEXT)).toEqual({ openFiles: 24, addressBytes: 3_072_000_000 });
  expect(limitsIn(TEXT.replace(/\b24\b/, 'unlimited').replace('3072000000', 'unlimited '))).toEqual({
    openFiles: Infinity,
    addressBytes: Infinity,
  });
  expect(limitsIn('')).toEqual({ openFiles: Infinity, addressBytes: Infinity });
  requireLimits(processLimits());
});

test('limits under which Node would abort are refused with the command that raises them', () => {
  expect(() => requireLimits({ openFiles: 127, addressBytes: Infinity })).toThrow(
    'may have 127 files open; at least 128',
  );
  expect(() => requireLimits({ openFiles: 128, addressBytes: 3e9 })).toThrow('is limited to 3.0 GB');
  requireLimits({ openFiles: 128, addressBytes: 10e9 });
});

test('a lack of open files, memory or threads is not told as damage of a file', () => {
  for (const explain of [explainReadError, explainFileError])
    for (const [code, own] of [
      ['EMFILE', 'too-many-open-files'],
      ['ENFILE', 'too-many-open-files'],
      ['ENOMEM', 'no-memory'],
    ]) {
      const explained = explain(Object.assign(new Error(code), { code }), '/a/file');
      expect(explained).toMatchObject({ code: own, remedy: expect.stringContaining('nothing is wrong with the file') });
      expect(isLack(explained)).toBe(true);
    }
  const thread = noThread(Object.assign(new Error('EMFILE'), { code: 'ERR_WORKER_INIT_FAILED' }));
  expect(thread).toMatchObject({ code: 'no-thread', remedy: expect.stringContaining('ulimit -n') });
  expect(isLack(thread)).toBe(true);
  expect(noThread(new Error('other'))).toBeNull();
  expect(isLack(explainReadError(Object.assign(new Error('none'), { code: 'ENOENT' }), '/a/file'))).toBe(false);
});
