import { describe, expect, it, test } from 'vitest';
import fc from 'fast-check';
import {
  type ExpertFile,
  onlyPlan,
  readExpertFile,
  type JsonPath,
  lineOfValue,
} from '../../../../main/pruning/expert-files/read-expert-file.ts';

const target = { moeLayers: 2, experts: 4, topK: 1 };
const read = (content: unknown): ExpertFile =>
  readExpertFile(typeof content === 'string' ? content : JSON.stringify(content), 'a file', target);
const ranking = [
  [3, 1, 0, 2],
  [2, 0, 1, 3],
];
const [first, second] = ranking;

describe('readExpertFile', () => {
  it('reads rankings: lists in order, by number, wrapped, or as JSON lines in any order', () => {
    const wanted = { kind: 'ranking', ranking };
    expect(read(ranking)).toEqual(wanted);
    expect(read({ 1: second, 0: first })).toEqual(wanted);
    expect(read({ ranking })).toEqual(wanted);
    expect(read({ ranking: { 0: first, 1: second } })).toEqual(wanted);
    expect(read(`${JSON.stringify({ 1: second })}\n\n${JSON.stringify({ 0: first })}\n`)).toEqual(wanted);
  });

  it('refuses lists of millions of values, layers or lines, before it reads each', () => {
    const layers = Array.from({ length: 300_000 }, (_, layer) => `"${String(layer)}":0`);
    expect(() => read(`{${layers.join(',')}}`)).toThrow('its lists contain more than');
    expect(() => read(`[${'["a"],'.repeat(1e6)}[0]]`)).toThrow('its lists contain more than');
    expect(() => read(`{"0":[1]}\n{${layers.join(',')}}`)).toThrow('its lists contain more than');
    expect(() => read('\n'.repeat(1e6))).toThrow('more than 65536 lines');
    expect(() => read(`["${'x'.repeat(1e7)}"]`)).toThrow('no lists of experts');
  });

  it('reads plans, one or several, the largest first', () => {
    const small = { kept: [[1], [0]] };
    const large = {
      kept: [
        [1, 2],
        [0, 3],
      ],
    };
    expect(read(small)).toEqual({ kind: 'plans', plans: [small] });
    expect(read([small, large])).toEqual({ kind: 'plans', plans: [large, small] });
    expect(() => read([small, { kept: [[2], [2]] }])).toThrow('Two plans in a file leave 2 experts');
    expect(() => read([small, { kept: [[2]] }])).toThrow('layers');
    expect(() => read([small, ranking])).toThrow('no lists of experts');
    expect(onlyPlan([small], 'a file')).toEqual(small);
    expect(() => onlyPlan([small, large], 'a file')).toThrow('a file contains 2 plans');
  });

  it('reads masks of whole numbers or decimals, also of layers that keep different numbers', () => {
    const plans = [{ kept: [[0, 3], [1]] }];
    expect(read('[[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]]')).toEqual({ kind: 'plans', plans });
    expect(read({ 0: [1, 0, 0, 1], 1: [0, 1, 0, 0] })).toEqual({ kind: 'plans', plans });
    expect(() => read('[[1, 0, 0, 1],\n [0, 0, 0, 0]]')).toThrow('line 2: the mask of layer 1 keeps no expert');
    expect(() => read([[1, 0, 0, 1], second])).toThrow('expert 0 appears twice in layer 0');
  });

  it('reads 0 and 1 of two experts as a ranking', () => {
    const two = { moeLayers: 1, experts: 2, topK: 1 };
    expect(readExpertFile('[[1, 0]]', 'a file', two)).toEqual({ kind: 'ranking', ranking: [[1, 0]] });
  });

  it.for([
    ['{', 'it is not JSON'],
    ['{"layers": 2}', 'no lists of experts'],
    ['{"0": [0]}\n{"1": }', 'line 2 is not JSON'],
    ['{"0": [0]}\n{"1": ["a"]}', 'line 2 contains no list'],
  ])('refuses what is no ranking: %s', ([content = '', message = '']) => {
    expect(() => read(content)).toThrow(expect.objectContaining({ code: 'ranking-unreadable' }));
    expect(() => read(content)).toThrow(message);
  });

  it.for([
    ['{"0": [0, 1, 2, 3],\n"2": [0, 1, 2, 3]}', 'line 2: layer 2 is unknown: the model has the MoE layers 0 to 1'],
    ['[[0, 1, 2, 3],\n[0, 1, 2, 3],\n[0, 1, 2, 3]]', 'line 3: layer 2 is unknown'],
    ['{"0": [0, 1, 2, 3]}\n\n{"1": [0, 1, 2, 3]}\n{"0": [0, 1, 2, 3]}', 'line 4: layer 0 appears again'],
    ['{\n"1": [0, 1, 2, 3]}', 'line 2: there is no layer 0'],
    ['{"0": [0, 1, 2, 3],\n "1": [0, 1,\n  4, 3]}', 'line 3: expert 4 of layer 1 is unknown'],
    ['{"0": [0, 1, 2, 3]}\n{"1": [0, 1, 4, 3]}', 'line 2: expert 4 of layer 1 is unknown'],
    ['[[0, 1, 2, 3],\n[0,\n1,\n1, 3]]', 'line 4: expert 1 appears twice in layer 1'],
    ['[[0, 1, 2, 3],\n[0, 1]]', 'line 2: expert 2 and 1 more of layer 1 is missing'],
    ['{"ranking": {\n"0": [0, 1, 2, 3],\n"1": [0, 1, 3]}}', 'line 3: expert 2 of layer 1 is missing'],
  ])('refuses by line: %s', ([content = '', message = '']) => {
    expect(() => read(content)).toThrow(expect.objectContaining({ code: 'ranking-invalid' }));
    expect(() => read(content)).toThrow(message);
  });
});

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
