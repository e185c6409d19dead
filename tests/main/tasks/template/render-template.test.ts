import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJsonWithDecimals } from '../../../../main/tasks/harness/read-harness-rows.ts';
import { isDict, pythonValue, type PythonDict } from '../../../../main/tasks/python/python-value.ts';
import { compileTemplate } from '../../../../main/tasks/template/compile-template.ts';
import { renderTemplate } from '../../../../main/tasks/template/render-template.ts';
import { TemplateFault } from '../../../../main/tasks/template/template-fault.ts';
import { WorkMeter } from '../../../../main/tasks/template/work-meter.ts';

const rowOf = (values: unknown): PythonDict => {
  const row = pythonValue(values);
  if (!isDict(row)) throw new TypeError('a row is an object');
  return row;
};
const render = (template: string, row: unknown = {}): string =>
  renderTemplate(compileTemplate(template), rowOf(row), new WorkMeter());

/** Random templates and rows, with the results of Jinja2 3.1 in lm-evaluation-harness's settings (null: an error). */
const recorded = readFileSync(new URL('../../../fixtures/tasks/templates.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');

test('renders like Jinja, character for character, and fails where Jinja fails', () => {
  expect(recorded.length).toBeGreaterThan(250);
  for (const line of recorded) {
    const values = rowOf(parseJsonWithDecimals(line));
    const [template, row] = [values.get('template'), values.get('row')];
    if (typeof template !== 'string' || row === undefined || !isDict(row)) throw new TypeError(line);
    const rendered = (): string => renderTemplate(compileTemplate(template), row, new WorkMeter());
    if (values.get('text') === null) expect(rendered, template).toThrow(TemplateFault);
    else expect(rendered(), template).toBe(values.get('text'));
  }
});

describe('the forms that published tasks use', () => {
  const row = {
    question: ' Why? ',
    choices: { label: ['A', 'B'], text: ["it's", 'no'] },
    key: 'B',
    n: 4,
    answers: [{ t: 'x' }, { t: 'y' }],
    gone: null,
  };
  const cases: readonly (readonly [string, string])[] = [
    ['Q: {{question.strip()}}\nA:', 'Q: Why?\nA:'],
    ['{{choices.text}}', `["it's", 'no']`],
    ["{{choices['label'].index(key.lstrip())}}", '1'],
    [
      "{% for i in range(choices['label'] | length) -%}\n{{choices['label'][i]}}. {{choices['text'][i]}}\n{% " +
        'endfor -%}\nAnswer:',
      "A. it's\nB. no\nAnswer:",
    ],
    ["{{answers|map(attribute='t')|list}} {{ answers|join('-', attribute='t') }}", "['x', 'y'] x-y"],
    ['{{ (n|int) - 1 }}{{ -7 // 2 }}{{ -7 % 3 }}', '3-42'],
    ["{{ question.replace('W', 'w') if 'W' in question else question }}", ' why? '],
    ['{{ gone }} {{ gone is none }} {{ nothing is defined }} {{ nothing|default("-") }}', 'None True False -'],
    [
      '{% set a = "x" %}{% for i in [1, 2, 3] if i != 2 %}{% set a = i %}{{ loop.index }}{{ a }}{% else ' +
        '%}none{% endfor %}{{ a }}',
      '1123x',
    ],
    ['a\n{# a note #}b\n', 'a\nb\n'],
    ['{% if n > 3 %}\nmany\n{% elif n %}few{% else %}none{% endif %}\n\n', '\nmany\n\n\n'],
  ];
  test.each(cases)('%j', (template, text) => {
    expect(render(template, row)).toBe(text);
  });
});

describe('a template only sees the row', () => {
  const names = [
    'constructor',
    '__proto__',
    '__class__',
    'prototype',
    'process',
    'globalThis',
    'toString',
    'hasOwnProperty',
    'self',
    'caller',
    'cycler',
    'lipsum',
    'require',
  ];
  test.each(names)('%s', (name) => {
    const row = { text: 'a', list: [1], dict: { a: 1 } };
    for (const template of [
      `{{ ${name} }}`,
      `{{ text.${name} }}`,
      `{{ list.${name} }}`,
      `{{ dict.${name} }}`,
      `{{ dict['${name}'] }}`,
      `{{ text.${name}() }}`,
      `{{ ${name}() }}`,
      `{{ text | ${name} }}`,
    ]) {
      expect(() => render(template, row), template).toThrow(TemplateFault);
    }
    expect(render(`{{ ${name} }}`, JSON.parse(`{"${name}": "a column"}`))).toBe('a column');
  });

  test('any text in a row prints as it is, and any text without braces is itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(render('{{ a }}', { a: text })).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        const plain = text.replaceAll('{', '');
        expect(render(plain)).toBe(plain.replace(/\r\n?/g, '\n'));
      }),
    );
  });

  test('any text as a template is rendered or refused, without other errors', () => {
    const pieces = fc.constantFrom(
      '{{',
      '}}',
      '{%',
      '%}',
      '{#',
      '#}',
      ' a ',
      ' if ',
      ' for ',
      ' in ',
      '|',
      'join',
      '[',
      ']',
      '(',
      ')',
      ',',
      '.',
      '1',
      '"x"',
      ' not ',
      '~',
      '-',
      '*',
      'endfor',
      'endif',
      'set',
      '=',
      ':',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
        try {
          expect(typeof render(parts.join(''), { a: ['b'] })).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateFault);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('refuses by name', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{{ a | regex_replace("(a+)+", "b") }}', 'the filter "regex_replace" is not supported'],
    ['{{ a.format(1) }}', 'the method .format() is not supported'],
    ['{% macro f() %}{% endmacro %}', 'the statement Macro is not supported'],
    ['{% include "x" %}', 'Unknown statement type: include'],
    ['{% generation %}a{% endgeneration %}', 'the statement "generation" is not supported'],
    ['{{ namespace(a=1) }}', 'the function namespace() is not supported'],
    ['{{ (1, 2) }}', 'a tuple (write it as a list'],
    ['{{ 1 < 2 < 3 }}', 'a chain of comparisons is not supported'],
    ['{{ 1 / 2 }}', 'the operator / is not supported'],
    ['{{ 1 + 2 ~ "a" }}', '~ after a sum of numbers is ambiguous'],
    ['{{ missing }}', '"missing" is not in the row'],
    ['{{ a.items }}', '.items of a dict is a method, not a key'],
    ['{{ a', 'it is not Jinja'],
    ['{{ '.concat('('.repeat(9_000)), 'it is'],
    [' '.repeat(20_000), 'it has 20000 characters (limit 16384)'],
  ];
  test.each(cases)('%.40s', (template, message) => {
    expect(() => render(template, { a: { items: 1 } })).toThrow(message);
  });
});

describe('stops endless work', () => {
  const cases = [
    '{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}',
    '{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}',
    '{{ "x" * 9000000000 }}',
    '{{ [] * 9007199254740991 }}{{ ["x" * 1000000] * 1000000 }}',
    '{% set t = "xxxxxxxxxx" %}{% set t = t.replace("x", t) %}{% set t = t.replace("x", t) %}{% set t = ' +
      't.replace("x", t) %}{{ t.replace("x", t) }}',
    '{{ range(9007199254740991) }}',
    '{% for a in long %}{% for b in long %}{{ a in long }}{% endfor %}{% endfor %}',
    '{{ long | join(long) }}',
    '{{ ([long] * 3000) | string | length }}',
  ];
  test.each(cases)('%s', (template) => {
    expect(() => render(template, { long: 'long text '.repeat(5_000) })).toThrow('too much work on one row');
  });

  test('output is bounded, and so is the work of many rows', () => {
    expect(() => render('{{ a }}{{ a }}{{ a }}', { a: 'x'.repeat(400_000) })).toThrow('more than 1048576 characters');
    const meter = new WorkMeter();
    const template = compileTemplate('{{ "x" * 1000000 }}'.replace('{{', '{% set a =').replace('}}', '%}'));
    expect(() => {
      for (let row = 0; row < 10_000; row++) renderTemplate(template, new Map(), meter);
    }).toThrow('too much work over all rows together');
  });
});
