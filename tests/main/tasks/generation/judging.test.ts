import { describe, expect, test } from 'vitest';
import type { ExactMatchOptions, FilterPipeline, WrittenItem } from '../../../../main/contract/task.ts';
import { compileJudging, DEFAULT_PIPELINES, judge, requireOptions } from '../../../../main/tasks/generation/judging.ts';

const item = (answers: readonly string[], options?: readonly string[]): WrittenItem => {
  const plain = { id: 'q1', context: 'q', answers, until: ['\n'], maxNewTokens: 8 };
  return options === undefined ? plain : { ...plain, options };
};
type Step = FilterPipeline['filter'][number];
const pipeline = (...filter: readonly Step[]): FilterPipeline => ({ name: 'p', filter: [...filter] });
const filtered = (
  filter: readonly Step[],
  written: string | readonly string[],
  options?: readonly string[],
): string | undefined =>
  judge(
    compileJudging({ pipelines: [pipeline(...filter)], exactMatch: {} }, 'task.json'),
    item(['x'], options),
    written,
    true,
  )[0]?.filtered;
const takeFirst = { function: 'take_first' };

describe('filters are those of lm-evaluation-harness 0.4.13', () => {
  const regex = (regex_pattern: string, more: Readonly<Record<string, unknown>> = {}): Step => ({
    function: 'regex',
    regex_pattern,
    ...more,
  });

  test.each<readonly [string, readonly Step[], string, string]>([
    ['regex: the first match, stripped', [regex('[ a-z]+')], '12 ab c 3 d', 'ab c'],
    ['regex: the last match', [regex('[0-9]+', { group_select: -1 })], '1 and 22', '22'],
    ['regex: the first group that is not empty', [regex('(a)|(b)')], 'xb', 'b'],
    ['regex: nothing found', [regex('[0-9]+')], 'none', '[invalid]'],
    ['regex: a fallback of one’s own', [regex('[0-9]+', { fallback: ' no ' })], 'none', ' no '],
    ['regex: a match further than there are', [regex('[0-9]', { group_select: 3 })], '12', '[invalid]'],
    ['regex: the default pattern', [{ function: 'regex' }], 'so #### 1,234.5', '1,234.5'],
    ['remove_whitespace', [{ function: 'remove_whitespace' }], ' a b \u3000', 'a b'],
    ['lowercase, then uppercase', [{ function: 'lowercase' }, { function: 'uppercase' }], 'aB', 'AB'],
    ['map', [{ function: 'map', mapping_dict: { yes: '1' }, default_value: '0' }], 'yes', '1'],
    ['map: the default', [{ function: 'map', mapping_dict: { yes: '1' }, default_value: '0' }], 'constructor', '0'],
    ['take_first_k', [{ function: 'take_first_k', k: 1 }], 'a', 'a'],
  ])('%s', (_what, steps, written, expected) => {
    expect(filtered([...steps, takeFirst], written)).toBe(expected);
  });

  test('majority_vote takes the most frequent response, of several the earliest; take_first the first', () => {
    expect(filtered([{ function: 'majority_vote' }], ['b', 'a', 'a', 'b', 'c'])).toBe('b');
    expect(filtered([{ function: 'majority_vote' }, takeFirst], ['b', 'a', 'a'])).toBe('a');
    expect(filtered([takeFirst], ['b', 'a', 'a'])).toBe('b');
  });

  test.each<readonly [string, string, string]>([
    ['the expression first', 'Answer: (B)', '(B)'],
    ['then the text of a choice, the longest first', 'It is guilty of romance!', '(C)'],
    ['then a letter behind a colon', 'I choose:  B', '(B)'],
    ['nothing', 'who knows', '[invalid]'],
  ])('multi_choice_regex: %s', (_what, written, expected) => {
    const step = {
      function: 'multi_choice_regex',
      regex_pattern: '(\\([A-Z]\\))',
      ignore_case: true,
      ignore_punctuation: true,
    };
    expect(filtered([step, takeFirst], written, ['Paris', 'Guilty', 'Guilty of Romance'])).toBe(expected);
  });
});

describe('exact_match', () => {
  const right = (exactMatch: ExactMatchOptions, written: string, ...answers: readonly string[]): boolean | undefined =>
    judge(compileJudging({ pipelines: DEFAULT_PIPELINES, exactMatch }, 'task.json'), item(answers), written, true)[0]
      ?.correct;

  test('is equality of texts, with any of several answers', () => {
    expect(right({}, 'a', 'a')).toBe(true);
    expect(right({}, 'a ', 'a')).toBe(false);
    expect(right({}, 'A', 'a')).toBe(false);
    expect(right({}, 'b', 'a', 'b')).toBe(true);
    expect(right({}, 'b', 'a', 'c')).toBe(false);
  });

  test('removes what the task says from both sides, in the order of the harness', () => {
    expect(right({ ignore_case: true }, 'Ab', 'aB')).toBe(true);
    expect(right({ ignore_punctuation: true }, "a-b!{}~`'", 'a$b')).toBe(true);
    expect(right({ ignore_punctuation: true }, 'a\u2019b', 'ab')).toBe(false);
    expect(right({ ignore_numbers: true }, 'a1b2', '3ab')).toBe(true);
    expect(right({ ignore_numbers: true }, 'a\u0661', 'a')).toBe(false);
    expect(right({ regexes_to_ignore: ['\\$', ','] }, '$1,000', '1000')).toBe(true);
    // Expressions apply before lowercasing, and one after the other.
    expect(right({ regexes_to_ignore: ['The '], ignore_case: true }, 'The end', 'END')).toBe(true);
    expect(right({ regexes_to_ignore: ['the '], ignore_case: true }, 'The end', 'END')).toBe(false);
    expect(right({ regexes_to_ignore: ['b', 'ac'] }, 'abcx', 'x')).toBe(true);
  });
});

test('each pipeline has its own metric', () => {
  const digits = { name: 'strict', filter: [{ function: 'regex', regex_pattern: '^[0-9]+$' }, takeFirst] };
  const judging = compileJudging(
    { pipelines: [digits, { name: 'loose', filter: [takeFirst] }], exactMatch: {} },
    'task.json',
  );
  expect(judge(judging, item(['12 a']), '12 a', true)).toEqual([
    { metric: 'exact_match,strict', filtered: '[invalid]', correct: false },
    { metric: 'exact_match,loose', filtered: '12 a', correct: true },
  ]);
});

describe('refuses with name and position before anything runs:', () => {
  test.each<readonly [string, readonly Step[], RegExp]>([
    [
      'a filter that is not known',
      [{ function: 'format_span' }],
      /task\.json: pipeline "p", filter 1 \(format_span\): the filter "format_span" is not supported/,
    ],
    [
      'an ill-formed expression',
      [{ function: 'regex', regex_pattern: '(a' }],
      /filter 1 \(regex\): it is not a regular expression: a \( without its \)/,
    ],
    [
      'a setting that is not known',
      [{ function: 'lowercase', locale: 'tr' }],
      /filter lowercase: Unrecognized key: "locale"/,
    ],
    ['a pattern that is no text', [{ function: 'regex', regex_pattern: 3 }], /filter regex: regex_pattern:/],
    ['a map without a default', [{ function: 'map', mapping_dict: { a: 'b' } }], /filter map: default_value:/],
    ['more responses than there are', [{ function: 'take_first_k', k: 3 }], /filter take_first_k: k:/],
    [
      'a filter behind take_first',
      [takeFirst, { function: 'lowercase' }],
      /pipeline "p": lowercase comes after take_first/,
    ],
  ])('%s', (_what, steps, message) => {
    const compile = (): unknown => compileJudging({ pipelines: [pipeline(...steps)], exactMatch: {} }, 'task.json');
    expect(compile).toThrow(message);
    expect(compile).toThrow(expect.objectContaining({ kind: 'refused', code: 'bad-filter' }));
  });

  test('two pipelines of one name, a malformed expression to ignore, items without options', () => {
    const twice = [pipeline(takeFirst), pipeline(takeFirst)];
    expect(() => compileJudging({ pipelines: twice, exactMatch: {} }, 'task.json')).toThrow(
      'task.json: two pipelines of filters are named "p"',
    );
    expect(() =>
      compileJudging({ pipelines: DEFAULT_PIPELINES, exactMatch: { regexes_to_ignore: ['['] } }, 'task.json'),
    ).toThrow(/task\.json: regexes_to_ignore: it is not a regular expression/);
    const rule = { pipelines: [pipeline({ function: 'multi_choice_regex' })], exactMatch: {} };
    expect(() => requireOptions(rule, [item(['a'])], 'test.jsonl')).toThrow('test.jsonl: item "q1" has no options');
    expect(() => requireOptions(rule, [item(['a'], ['a', 'b'])], 'test.jsonl')).not.toThrow();
  });
});

test(
  'refuses several responses that no filter reduces ' + 'to one, and a text that is too long for an expression',
  () => {
    const judging = compileJudging({ pipelines: [pipeline({ function: 'lowercase' })], exactMatch: {} }, 'task.json');
    expect(() => judge(judging, item(['a']), ['a', 'b'], true)).toThrow(
      'item "q1", pipeline "p": 2 responses are left',
    );
    const searching = compileJudging(
      { pipelines: [pipeline({ function: 'regex', regex_pattern: 'a' })], exactMatch: {} },
      'task.json',
    );
    expect(() => judge(searching, item(['a']), 'a'.repeat(70_000), true)).toThrow(
      /item "q1", pipeline "p": a text of 70000 characters is searched/,
    );
  },
);
