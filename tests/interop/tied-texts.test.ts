/** The rule for texts that differ where two tokens are tied (tied-texts.ts), on a model whose ties are known. */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type FollowedText, followTexts, textsToFollow, tiedItems, type WrittenPair } from './tied-texts.ts';

const model = fileURLToPath(new URL('../fixtures/reference/scoring/mixtral-byte-fallback', import.meta.url));
const item = { id: 'one', context: 'the experts of a layer', until: ['\n\n'], maxNewTokens: 16 };
/** The step whose best token gets an equal, and that token. */
const STEP = 3;
const OTHER = 300;
/** Factor by which the second token's logits differ: of a logit of 4, some 8 ulps. */
const TINY = 1e-6;
const CLEAR = 1e-3;
const CHANGES: Readonly<Record<string, (text: string) => string>> = {
  'another last character': (text) => `${text.slice(0, -1)}#`,
  'a text cut short': (text) => text.slice(0, -2),
  'a text that goes on': (text) => `${text} a`,
  'no text': () => '',
};

type Same = NonNullable<FollowedText['same']>;
interface Case {
  readonly pairs: readonly WrittenPair[];
  readonly same?: Same;
}

describe('texts that part at a tie', () => {
  let cases: ReadonlyMap<string, Case> = new Map();
  const answers = new Map<string, Awaited<ReturnType<typeof followTexts>>>();
  const tied = (name: string): ReadonlySet<string> =>
    tiedItems(name, cases.get(name)?.pairs ?? [], answers.get(name) ?? []);

  beforeAll(async () => {
    const [written] = await followTexts(model, [{ item, text: null }]);
    const plain = written?.written ?? '';
    const best = written?.tokens[STEP] ?? Number.NaN;
    const alike = (factor: number): Same => [[best, OTHER, factor]];
    const either = [alike(1 - TINY), alike(1 + TINY)].map((same) => ({ item, text: null, same }));
    const [ours = '', theirs = ''] = (await followTexts(model, either)).map((one) => one.written);
    expect(ours).not.toBe(theirs);
    const [tie, clear] = [alike(1 + TINY), alike(1 + CLEAR)];
    const pair = { item, ours, theirs };
    cases = new Map<string, Case>([
      ['tied', { pairs: [pair], same: tie }],
      ['same', { pairs: [{ item, ours: plain, theirs: plain }] }],
      ['clear', { pairs: [pair], same: clear }],
      ['clear, exchanged', { pairs: [{ item, ours: theirs, theirs: ours }], same: clear }],
      ['many', { pairs: [pair, pair], same: tie }],
      ...Object.entries(CHANGES).flatMap(([name, change]): [string, Case][] => [
        [name, { pairs: [{ item, ours: change(plain), theirs: plain }] }],
        [`${name}, after a tie`, { pairs: [{ item, ours: change(ours), theirs }], same: tie }],
      ]),
    ]);
    const asked = [...cases].flatMap(([name, { pairs, same }]) =>
      textsToFollow(pairs).map((one) => ({ name, one: same === undefined ? one : { ...one, same } })),
    );
    const given = await followTexts(
      model,
      asked.map(({ one }) => one),
    );
    asked.forEach(({ name }, index) =>
      answers.set(name, [...(answers.get(name) ?? []), ...given.slice(index, index + 1)]),
    );
  });

  it('are the same text to that token, and each is followed to its end', () => {
    expect(tied('tied')).toEqual(new Set(['one']));
    expect(tied('same')).toEqual(new Set());
  });

  it('a clear gap is none: the same texts fail, on either side', () => {
    expect(() => tied('clear')).toThrow('do not give our text');
    expect(() => tied('clear, exchanged')).toThrow('do not give their text');
  });

  it.for(Object.keys(CHANGES))('%s fails, after a tie too', (name) => {
    expect(() => tied(name)).toThrow('do not give our text');
    expect(() => tied(`${name}, after a tie`)).toThrow('do not give our text');
  });

  it('only few may be tied', () => {
    expect(() => tied('many')).toThrow('many: texts with a tie');
  });
});
