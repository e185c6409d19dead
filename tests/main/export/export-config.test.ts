import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editJsonNumbers } from '../../../main/export/export-config.ts';

describe('editing numbers of a JSON text', () => {
  it('leaves every other character as it stands', () => {
    const text =
      '{\n "nested": {"experts": 3, "list": [1, {"experts": 4}]},\n  "rms_norm_eps" : 1e-05, ' +
      '"experts"\t:\t8,"theta": 10000.0,\n "name": "experts: \\"8\\"", "experts_": 8\n}\n';
    expect(editJsonNumbers(text, { experts: 16 })).toBe(text.replace('"experts"\t:\t8', '"experts"\t:\t16'));
  });

  it('adds a key that is not there, indented as the others', () => {
    expect(editJsonNumbers('{\n    "a": 1\n}\n', { b: 2, a: 30 })).toBe('{\n    "a": 30,\n    "b": 2\n}\n');
    expect(JSON.parse(editJsonNumbers('{"list": [1]}', { b: 2, c: 3 }))).toEqual({ list: [1], b: 2, c: 3 });
    expect(JSON.parse(editJsonNumbers('{}', { b: 2 }))).toEqual({ b: 2 });
  });

  it('replaces null, and the one of two equal keys that counts', () => {
    expect(editJsonNumbers('{"a": null}', { a: 2 })).toBe('{"a": 2}');
    expect(JSON.parse(editJsonNumbers('{"a": 1, "a": 2}', { a: 3 }))).toEqual({ a: 3 });
  });

  it('parses to the same object with the numbers set, whatever the text', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const key = fc.string({ maxLength: 6 }).filter((each) => each !== '__proto__');
    fc.assert(
      fc.property(
        fc.dictionary(key, value, { maxKeys: 6 }),
        fc.dictionary(key, fc.nat(), { maxKeys: 3 }),
        fc.constantFrom(undefined, 1, '\t'),
        (object, numbers, indent) => {
          const scalars = Object.fromEntries(
            Object.entries(object).filter(
              ([name, each]) => !(name in numbers) || typeof each !== 'object' || each === null,
            ),
          );
          const text = JSON.stringify(scalars, null, indent);
          expect(JSON.parse(editJsonNumbers(text, numbers))).toEqual({ ...(JSON.parse(text) as object), ...numbers });
        },
      ),
      { numRuns: 500 },
    );
  });
});
