import { describe, expect, it } from 'vitest';
import type { WrittenOutcome } from '../../../../main/contract/outcome.ts';
import type { WrittenItem } from '../../../../main/contract/task.ts';
import {
  compileJudging,
  DEFAULT_PIPELINES,
  judgeFirst,
  type JudgingRule,
} from '../../../../main/tasks/generation/judging.ts';
import { cutAtStops } from '../../../../main/tasks/generation/stop-rule.ts';
import {
  textsBesideAnswers,
  unreachableAnswers,
  unreachableText,
} from '../../../../main/tasks/generation/unreachable-answers.ts';

const judgingOf = (rule: Partial<JudgingRule> = {}) =>
  compileJudging({ pipelines: DEFAULT_PIPELINES, exactMatch: {}, ...rule }, 'task.json');
const filtered = (...names: readonly string[]) => ({
  pipelines: [{ name: 'own', filter: [...names.map((name) => ({ function: name })), { function: 'take_first' }] }],
});
const item = (answers: readonly string[], until: readonly string[] = ['\n']): WrittenItem => ({
  id: 'a',
  context: 'Q: 1 + 1 =',
  answers: [...answers],
  until: [...until],
  maxNewTokens: 8,
});
const isReachable = (rule: Partial<JudgingRule>, one: WrittenItem): boolean =>
  unreachableAnswers(judgingOf(rule), [one]) === null;

describe('answers that no text can equal', () => {
  it('are those that hold a stop string', () => {
    const found = unreachableAnswers(judgingOf(), [item(['2\n']), item(['3'])]);
    expect(found).toEqual({ items: 1, of: 2, first: { answer: '2\n', stop: '\n' } });
    expect(found === null ? '' : unreachableText(found)).toBe(
      'No text can equal the answers of 1 of 2 test items: the answer "2\\n" holds the stop string "\\n", which ends ' +
        'every text before it. Such items count as wrong for every model.',
    );
  });

  it('are those that the filters change', () => {
    expect(isReachable(filtered('remove_whitespace'), item([' 2']))).toBe(false);
    expect(isReachable(filtered('lowercase'), item(['Two']))).toBe(false);
    expect(isReachable(filtered('lowercase', 'uppercase'), item(['TWO']))).toBe(true);
    expect(isReachable(filtered('lowercase'), item(['two']))).toBe(true);
    const regex = { pipelines: [{ name: 'own', filter: [{ function: 'regex', regex_pattern: '#### (\\d+)' }] }] };
    expect(isReachable(regex, item(['2 ']))).toBe(false);
    expect(isReachable(regex, item(['2']))).toBe(true);
  });

  it('are not claimed where another text can equal them', () => {
    expect(isReachable({}, item(['2\n', '2']))).toBe(true);
    expect(isReachable({ exactMatch: { ignore_punctuation: true } }, item(['2.'], ['.']))).toBe(true);
    expect(isReachable({ exactMatch: { ignore_case: true }, ...filtered('lowercase') }, item(['Two']))).toBe(true);
    expect(isReachable({ exactMatch: { regexes_to_ignore: ['\\n'] } }, item(['2\n']))).toBe(true);
    expect(isReachable({ right: 'ended' }, item(['2\n']))).toBe(true);
    const map = [{ function: 'map', mapping_dict: { a: '2\n' }, default_value: '' }];
    expect(isReachable({ pipelines: [{ name: 'own', filter: map }] }, item(['2\n']))).toBe(true);
  });

  it('are right for no text of a short alphabet, tried one by one', () => {
    const alphabet = ['2', '\n', ' ', 'a', 'A'];
    const texts = [0, 1, 2, 3].reduce<readonly string[]>(
      (all) => ['', ...all.flatMap((text) => alphabet.map((letter) => text + letter))],
      [''],
    );
    for (const rule of [
      {},
      filtered('remove_whitespace'),
      filtered('lowercase'),
      { exactMatch: { ignore_case: true } },
    ])
      for (const answer of ['2', '2\n', '\n2', ' 2', 'a2', 'A2', 'A 2', 'a\n2']) {
        const one = item([answer]);
        const judging = judgingOf(rule);
        const isFound = texts.some((text) => judgeFirst(judging, one, cutAtStops(text, one.until), true).correct);
        expect(isReachable(rule, one), JSON.stringify([rule, answer])).toBe(isFound);
      }
  });
});

describe('three texts beside their answers', () => {
  const written = (text: string, correct: boolean): WrittenOutcome => ({
    id: 'a',
    kind: 'written',
    text,
    filtered: text,
    correct,
    stopped: 'until',
    tokens: 1,
    truncatedTokens: 0,
    loop: null,
  });
  it('are shown where nothing is right, or answers cannot be reached', () => {
    expect(textsBesideAnswers(judgingOf(), [item(['2'])], [written('3', false), written('4', false)])).toEqual({
      unreachable: null,
      examples: [
        { text: '"3"', right: '"2"' },
        { text: '"4"', right: '"2"' },
      ],
    });
    expect(textsBesideAnswers(judgingOf(), [item(['2\n'])], [written('2', false)])).toEqual({
      unreachable: expect.stringMatching(/^No text can equal /),
      examples: [{ text: '"2"', right: '"2\\n"' }],
    });
    expect(textsBesideAnswers(judgingOf(), [item(['2'])], [written('2', true), written('3', false)])).toBeNull();
  });
});
