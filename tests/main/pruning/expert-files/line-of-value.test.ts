import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type JsonPath, lineOfValue } from '../../../../main/pruning/expert-files/line-of-value.ts';

/** Every value of a JSON value by its path. */
const pathsOf = (value: unknown, path: JsonPath = []): (readonly [JsonPath, unknown])[] => {
  const children: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((child: unknown, index) => [index, child] as const)
    : typeof value === 'object' && value !== null
      ? Object.entries(value)
      : [];
  return [[path, value], ...children.flatMap(([key, child]) => pathsOf(child, [...path, key]))];
};

test('finds the line on which every part of a written value begins', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, null, 1);
      const lines = text.split('\n');
      // JSON.stringify breaks the line before every child: its lines give the same answer in order.
      const lineNumbers = pathsOf(JSON.parse(text)).map(([path]) => lineOfValue(text, path));
      for (const [index, [path, child]] of pathsOf(JSON.parse(text)).entries()) {
        const line = lines[(lineNumbers[index] ?? 0) - 1] ?? '';
        const start = JSON.stringify(child, null, 1).split('\n')[0] ?? '';
        const key = path.at(-1);
        const expected = typeof key === 'string' ? `${JSON.stringify(key)}: ${start}` : start;
        expect(line.trim().replace(/,$/, '')).toBe(expected);
      }
    }),
  );
});

test('a missing part has the line where the search ended', () => {
  const text = '{\n "a": [1,\n 2], "b]": "}{"\n}';
  expect(lineOfValue(text, ['a'])).toBe(2);
  expect(lineOfValue(text, ['a', 1])).toBe(3);
  expect(lineOfValue(text, ['a', 5])).toBe(2);
  expect(lineOfValue(text, ['b]'])).toBe(3);
  expect(lineOfValue(text, ['c'])).toBe(1);
});
