import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editJsonMembers, editJsonMembersWithin } from '../../../main/export/edit-json.ts';

describe('editing members of a JSON text', () => {
  it('leaves every other character unchanged', () => {
    const text =
      '{\n "nested": {"experts": 3, "list": [1, {"experts": 4}]},\n  "rms_norm_eps" : 1e-05, ' +
      '"experts"\t:\t8,"theta": 10000.0,\n "name": "experts: \\"8\\"", "experts_": 8\n}\n';
    expect(editJsonMembers(text, { experts: 16 })).toBe(text.replace('"experts"\t:\t8', '"experts"\t:\t16'));
  });

  it('adds a missing key, indented like the others', () => {
    expect(editJsonMembers('{\n    "a": 1\n}\n', { b: 2, a: 30 })).toBe('{\n    "a": 30,\n    "b": 2\n}\n');
    expect(JSON.parse(editJsonMembers('{"list": [1]}', { b: 2, c: 3 }))).toEqual({ list: [1], b: 2, c: 3 });
    expect(JSON.parse(editJsonMembers('{}', { b: 2 }))).toEqual({ b: 2 });
  });

  it('replaces null, and the one of two equal keys that counts', () => {
    expect(editJsonMembers('{"a": null}', { a: 2 })).toBe('{"a": 2}');
    expect(JSON.parse(editJsonMembers('{"a": 1, "a": 2}', { a: 3 }))).toEqual({ a: 3 });
  });

  it('replaces lists and objects whole, and adds strings', () => {
    const text = '{"names": ["a", {"b": [1]}], "inner": {"names": 1}, "last": 1e-05}';
    expect(editJsonMembers(text, { names: ['c'], inner: 2 })).toBe('{"names": ["c"], "inner": 2, "last": 1e-05}');
    expect(JSON.parse(editJsonMembers('{"a": 1}', { b: 'x' }))).toEqual({ a: 1, b: 'x' });
  });

  it('edits members of one member alone, and leaves what stands around it', () => {
    const text = '{"experts": 8, "text_config": {"experts": 8, "b": 1e-05}, "last": {"experts": 8}}';
    expect(editJsonMembersWithin(text, 'text_config', { experts: 16 })).toBe(
      text.replace('{"experts": 8, "b"', '{"experts": 16, "b"'),
    );
    expect(editJsonMembersWithin(text, null, { experts: 16 })).toBe(editJsonMembers(text, { experts: 16 }));
    expect(() => editJsonMembersWithin(text, 'vision_config', { experts: 16 })).toThrow('no member "vision_config"');
  });

  it('parses to the same object with the members set, whatever the text', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const key = fc.string({ maxLength: 6 }).filter((each) => each !== '__proto__');
    fc.assert(
      fc.property(
        fc.dictionary(key, value, { maxKeys: 6 }),
        fc.dictionary(key, value, { maxKeys: 3 }),
        fc.constantFrom(undefined, 1, '\t'),
        (object, members, indent) => {
          const text = JSON.stringify(object, null, indent);
          const set: unknown = JSON.parse(JSON.stringify(members));
          expect(JSON.parse(editJsonMembers(text, members))).toEqual({
            ...(JSON.parse(text) as object),
            ...(set as object),
          });
        },
      ),
      { numRuns: 500 },
    );
  });
});
