import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJsonWithDecimals } from '../../../../main/tasks/harness/read-harness-rows.ts';
import { parsePythonLiteral } from '../../../../main/tasks/python/python-literal.ts';
import {
  capitalize,
  Decimal,
  Opaque,
  pythonRepr,
  pythonText,
  pythonValue,
  type PythonValue,
  sliceIndices,
  splitAtSpace,
  strip,
} from '../../../../main/tasks/python/python-value.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom("it's", '"', `'"\\`, '\n\t\r', '\u00a0\u2028', '\u{1f600}'),
);
const { value: anyValue } = fc.letrec<{ value: PythonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    anyText,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => new Decimal(number)),
    fc.array(tie('value')),
    fc.dictionary(anyText, tie('value')).map((entries) => new Map(Object.entries(entries))),
  ),
}));

describe('text of values, as Python prints them', () => {
  const cases: readonly (readonly [PythonValue, string])[] = [
    ["it's", `"it's"`],
    [`'"`, `'\\'"'`],
    ['a\\\n\u0007\u00a0\u{e0001}é', `'a\\\\\\n\\x07\\xa0\\U000e0001é'`],
    [[1, true, null, new Decimal(2)], '[1, True, None, 2.0]'],
    [new Map([['k', ['v']]]), `{'k': ['v']}`],
    [new Decimal(1e16), '1e+16'],
    [new Decimal(123456789012345680), '1.2345678901234568e+17'],
    [new Decimal(2e-7), '2e-07'],
    [new Decimal(1.5e-300), '1.5e-300'],
    [new Decimal(0.0001), '0.0001'],
    [new Decimal(-0), '-0.0'],
  ];
  test.each(cases)('%j', (value, text) => {
    expect(pythonRepr(value)).toBe(text);
  });

  test('str() of text is the text; values without text are refused', () => {
    expect(pythonText("it's")).toBe("it's");
    expect(() => pythonText([new Opaque('a date')])).toThrow('it reads a date');
  });

  test('a literal reads back as the value that was printed', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(parsePythonLiteral(pythonRepr(value))).toEqual(value);
      }),
    );
  });
});

describe('literals', () => {
  const cases: readonly (readonly [string, PythonValue])[] = [
    [`['''a\nb''', "c"]`, ['a\nb', 'c']],
    [`'a' "b"`, 'ab'],
    [`('a', 'b',)`, ['a', 'b']],
    [`('a')`, 'a'],
    [` [ ] `, []],
    [`['\\x41\\u00e9\\101\\q']`, ['Aé' + 'A\\q']],
    [`[-1, +2, 0.5, 1e3, 0]`, [-1, 2, new Decimal(0.5), new Decimal(1000), 0]],
  ];
  test.each(cases)('%s', (source, value) => {
    expect(parsePythonLiteral(source)).toEqual(value);
  });

  test.each([
    '',
    '[',
    "['a'",
    "['a' 1]",
    "'a",
    "'a\nb'",
    'a',
    '[a]',
    "f'a'",
    '[1,,2]',
    '012',
    "'\\N{DASH}'",
    "'\\xz'",
    '1 + 1',
    '{1: 2}',
    '__import__("os")',
    '['.repeat(40),
  ])('refuses %j', (source) => {
    expect(() => parsePythonLiteral(source)).toThrow('not a Python list');
  });
});

describe('text methods', () => {
  test("strip knows Python's white space, which is not JavaScript's", () => {
    expect(strip('\u001c\u0085\u3000 a b \ufeff', 'both', null)).toBe('a b \ufeff');
    expect(strip('xxaxbx', 'left', 'xa')).toBe('bx');
    expect(splitAtSpace(' a\u001d b\n')).toEqual(['a', 'b']);
    expect([capitalize('éCOLE DU'), capitalize('ßA'), capitalize('')]).toEqual(['École du', 'Ssa', '']);
  });

  test('slices equal a plain loop', () => {
    const bound = fc.option(fc.integer({ min: -9, max: 9 }), { nil: null });
    const step = fc.integer({ min: -4, max: 4 }).filter((number) => number !== 0);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6 }), bound, bound, step, (length, start, stop, by) => {
        const all = Array.from({ length }, (_, index) => index);
        const at = (index: number): number => (index < 0 ? index + length : index);
        const ordered = by > 0 ? all : [...all].reverse();
        const low = start === null ? null : at(start);
        const high = stop === null ? null : at(stop);
        const inside = ordered.filter((index) =>
          by > 0
            ? (low === null || index >= low) && (high === null || index < high)
            : (low === null || index <= low) && (high === null || index > high),
        );
        expect(sliceIndices(length, start, stop, by)).toEqual(inside.filter((_, index) => index % Math.abs(by) === 0));
      }),
    );
  });
});

describe('values from data', () => {
  test('JSON distinguishes 1.0 from 1, and keeps strings unchanged', () => {
    expect(parseJsonWithDecimals('{"a": 1.0, "b": [1, 2.5e0, "3.0"], "c": "\\"1.0"}')).toEqual({
      a: new Decimal(1),
      b: [1, new Decimal(2.5), '3.0'],
      c: '"1.0',
    });
    expect(() => parseJsonWithDecimals('{"a": 1.0')).toThrow(SyntaxError);
    fc.assert(
      fc.property(fc.json(), (json) => {
        const undone: unknown = JSON.parse(
          JSON.stringify(parseJsonWithDecimals(json), (_key, value: unknown) =>
            value instanceof Decimal ? value.value : value,
          ),
        );
        expect(undone).toEqual(JSON.parse(json));
      }),
    );
  });

  test('numbers beyond 2^53, dates and bytes may be in a row', () => {
    expect(pythonValue([2n ** 60n, 7n, new Date(0), new Uint8Array(1), undefined])).toEqual([
      new Opaque(`the number ${String(2 ** 60)}`),
      7,
      new Opaque('a date'),
      new Opaque('bytes'),
      null,
    ]);
  });
});
