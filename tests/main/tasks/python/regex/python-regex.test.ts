import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { compilePythonRegex } from '../../../../../main/tasks/python/regex/python-regex.ts';
import { FilterFault } from '../../../../../main/tasks/python/regex/regex-reader.ts';

const found = z.array(z.union([z.string(), z.array(z.string())]));
const vectors = z
  .object({
    texts: z.array(z.string()),
    rows: z.array(z.object({ pattern: z.string(), found: z.array(found), removed: z.array(z.string()) })),
  })
  .parse(JSON.parse(readFileSync(new URL('../../../../fixtures/python/regex.json', import.meta.url), 'utf8')));

describe("finds and removes the same as Python's re", () => {
  test.each(vectors.rows)('$pattern', ({ pattern, found: expected, removed }) => {
    const regex = compilePythonRegex(pattern);
    expect(vectors.texts.map(regex.findAll)).toEqual(expected);
    expect(vectors.texts.map(regex.remove)).toEqual(removed);
  });
});

describe('refuses with name and position:', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['(a', /not a regular expression: a \( without its \) at character 1/],
    ['a)', /a \) without its \( at character 2/],
    ['[a', /a set of characters has no end/],
    ['*a', /nothing to repeat at character 1/],
    ['^*', /nothing to repeat/],
    ['{2}', /nothing to repeat/],
    ['a**', /a repetition of a repetition/],
    ['a{3,2}', /its bounds reversed/],
    ['[b-a]', /an invalid range/],
    ['[a-\\d]', /an invalid range/],
    ['\\q', /the escape \\q/],
    ['[\\q]', /the escape \\q in a set/],
    ['\\x4', /needs 2 hexadecimal digits/],
    ['a\\', /an escape has no end/],
    ['\\2', /a reference to the group 2, which does not exist/],
    ['(?P<1>a)', /the group name "1"/],
    ['(?P<a>x)(?P<a>y)', /a second group named a/],
    ['(?P=a)', /a reference to the group "a", which does not exist/],
    ['(?<name>a)', /an unknown group \(\?</],
    ['(?<=a+)b', /a look-behind without a fixed width/],
    ['(?L)a', /the flag L/],
    ['(?x)a', /the flag x at character 3 is not supported/],
    ['(?a)a', /the flag a at/],
    ['(?i:a)', /a part with flags of its own/],
    ['x(?i)a', /a part with flags of its own/],
    ['a*+', /a possessive repetition/],
    ['(?>a)', /an atomic group/],
    ['(a)?(?(1)b|c)', /a condition/],
    ['(a*)*', /a repetition of something that can match nothing/],
    ['(?:(a)|b)+', /contains an optional group/],
    ['(a)?\\1', /which may be unset/],
    ['(?=(a))', /a group inside a look-around/],
    ['(?=a)*', /a repetition of a look-around/],
    ['\\N{BULLET}', /a character by its name/],
    ['a{2000}', /a repetition of more than 1000/],
    ['|a', /may match nothing where it could match something/],
    ['a*?', /may match nothing where it could match something/],
    ['a'.repeat(5000), /has 5000 characters \(limit 4096\)/],
    ['('.repeat(200) + ')'.repeat(200), /nested too deeply/],
  ];
  test.each(cases)('%s', (pattern, message) => {
    expect(() => compilePythonRegex(pattern)).toThrow(FilterFault);
    expect(() => compilePythonRegex(pattern)).toThrow(message);
  });
});

test('an expression that would run forever, and a text that is too long, are refused', () => {
  const regex = compilePythonRegex('(a+)+$');
  expect(regex.findAll('aaa')).toEqual(['aaa']);
  expect(() => regex.findAll(`${'a'.repeat(60)}b`)).toThrow(/"\(a\+\)\+\$" takes more than 2 s on one text/);
  expect(regex.findAll('aab a')).toEqual(['a']);
  expect(() => regex.findAll('a'.repeat(65_537))).toThrow('a text of 65537 characters is searched (limit 65536)');
});
