import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, withMember } from '../../../main/files/canonical-json.ts';

test('is JSON of the same value, whatever the order of keys', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      // JSON has one zero: -0 comes back as 0.
      const plain: unknown = JSON.parse(JSON.stringify(value));
      expect(JSON.parse(canonicalJson(value))).toEqual(plain);
    }),
  );
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        fc.jsonValue(),
      ),
      (record) => {
        const reversed = Object.fromEntries(Object.entries(record).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(record));
      },
    ),
  );
});

test('distinguishes different values and refuses values without a JSON form', () => {
  expect(canonicalJson({ b: 1, a: [1, { d: null, c: 'x' }], u: undefined })).toBe('{"a":[1,{"c":"x","d":null}],"b":1}');
  expect(() => canonicalJson({ logprob: Number.NaN })).toThrow('NaN has no JSON form');
  expect(() => canonicalJson([Number.NEGATIVE_INFINITY])).toThrow('-Infinity');
  expect(() => canonicalJson(() => 1)).toThrow('no JSON form');
});

test('a member is added to the text of an object, and to nothing else', () => {
  expect(JSON.parse(withMember('{"a":{"b":"}"}}', 'c"', { d: 1 }))).toEqual({ a: { b: '}' }, 'c"': { d: 1 } });
  for (const text of ['{}', '[{"a":1}]', '"a"', '{"a":1', ''])
    expect(() => withMember(text, 'c', 1), text).toThrow(TypeError);
});
