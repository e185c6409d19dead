import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearestName } from '../../../main/cli/nearest-name.ts';
import { optionReader, readPins, readUncurlOptions } from '../../../main/cli/option-values.ts';
import { parseArguments } from '../../../main/cli/parse-arguments.ts';
import type { Verb } from '../../../main/cli/verb.ts';
import { verbs } from '../../../main/cli/verbs.ts';

const verb: Verb = {
  name: 'try',
  usage: 'MODEL... --task T...',
  summary: '',
  positionals: [1, 2],
  options: {
    task: { type: 'string', multiple: true, value: 'T', help: '' },
    factor: { type: 'string', value: 'X', help: '' },
    adaptive: { type: 'boolean', help: '' },
  },
  run: () => Promise.resolve(null),
};
const parse = (...args: string[]): ReturnType<typeof parseArguments> => parseArguments(verb, args);

test('an option that may be repeated takes every word up to the next option, once the arguments are there', () => {
  const expected = { positionals: ['m'], options: { task: ['a', 'b', 'c'], factor: '2' } };
  expect(parse('m', '--task', 'a', 'b', '--factor', '2', '--task=c')).toEqual(expected);
  expect(parse('m', '--task', 'a', '--task', 'b', '--task', 'c', '--factor', '2')).toEqual(expected);
  expect(parse('--task', 'a', 'm')).toEqual({ positionals: ['m'], options: { task: ['a'] } });
  expect(parse('m', '--adaptive', 'n')).toEqual({ positionals: ['m', 'n'], options: { adaptive: true } });
});

test.each([
  [['m', '--fator', '2'], 'has no option "--fator"', 'Did you mean "--factor"?'],
  [['m', '--jsno'], 'has no option "--jsno"', 'Did you mean "--json"?'],
  [['m', '-x'], 'has no option "-x"', 'Usage: uncurl try'],
  [['m', '--factor'], '--factor needs a value (X)', 'Usage'],
  [['m', '--factor', '1', '--factor', '2'], '--factor is given twice', 'Usage'],
  [['m', '--adaptive=yes'], '--adaptive takes no value', 'Usage'],
  [[], 'needs an argument', 'Usage: uncurl try MODEL... --task T...'],
  [['m', 'n', 'o'], '"o" is one argument too many', 'Usage'],
])('refuses %j', (args, message, remedy) => {
  expect(() => parse(...args)).toThrow(
    expect.objectContaining({
      kind: 'refused',
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    }),
  );
});

test('the edit distance is symmetric and counts edits, and the nearest name is one that was meant', () => {
  const word = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(word, word, fc.nat(8), (a, b, place) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, a)).toBe(0);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(editDistance(a, a.slice(0, place) + a.slice(place + 1))).toBe(place < a.length ? 1 : 0);
    }),
  );
  expect([editDistance('kitten', 'sitting'), editDistance('', 'abc'), editDistance('form', 'from')]).toEqual([3, 3, 1]);
  const names = Object.keys(verbs);
  expect(['swep', 'verfy', 'exprt', 'figure', 'prof'].map((typed) => nearestName(typed, names))).toEqual([
    'sweep',
    'verify',
    'export',
    'figures',
    'profile',
  ]);
  expect(nearestName('quux', names)).toBeNull();
});

test('values are read by what they must be, and refused by option and value', () => {
  const read = (options: Readonly<Record<string, unknown>>): ReturnType<typeof optionReader> =>
    optionReader({ positionals: [], options });
  expect(read({ factors: ['1,2', '4'] }).reals('factors', 1)).toEqual([1, 2, 4]);
  expect(() => read({ factors: ['1,zwei'] }).reals('factors', 1)).toThrow('--factors "zwei"');
  expect(() => read({ factors: ['0.5'] }).reals('factors', 1)).toThrow('at least 1');
  expect(() => read({ keep: '2.5' }).whole('keep', 1)).toThrow('--keep "2.5" is not a whole number');
  expect(() => read({ delta: '0.9' }).real('delta', 0, 0.5)).toThrow('from 0 to 0.5');
  expect(() => read({ method: ['reep'] }).choices('method', ['reap', 'random'])).toThrow(
    expect.objectContaining({ remedy: 'Did you mean "reap"?' }),
  );
  expect(readPins(read({ pin: ['0:3', '1:2'], drop: ['2:0'] }))).toEqual([
    { layer: 0, expert: 3, keep: true },
    { layer: 1, expert: 2, keep: true },
    { layer: 2, expert: 0, keep: false },
  ]);
  expect(() => readPins(read({ pin: ['3'] }))).toThrow('LAYER:EXPERT');
  expect(readUncurlOptions(read({ router: 'mean-row', 'no-align': true }))).toEqual({
    affinity: 'cosine',
    reference: 'most-active',
    align: false,
    weights: 'activation',
    router: 'mean-row',
  });
  expect(() => readUncurlOptions(read({ affinity: 'cosin' }))).toThrow(
    expect.objectContaining({ remedy: 'Did you mean "cosine"?' }),
  );
});

test('every verb bears its name, and its usage names only options that it has', async () => {
  for (const [name, load] of Object.entries(verbs)) {
    const loaded = await load();
    expect(loaded.name).toBe(name);
    const named = [...loaded.usage.matchAll(/--([a-z-]+)/g)].map(([, option = '']) => option);
    expect(Object.keys(loaded.options)).toEqual(expect.arrayContaining(named));
  }
});
