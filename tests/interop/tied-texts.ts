import { expect } from 'vitest';
import { z } from 'zod';
import type { WrittenItem } from '../../main/contract/task.ts';
import { runPython } from './run-python.ts';

/**
 * Bound on the gap of two logits that no float32 program can tell apart, in units in the last place (ulps) of the row's
 * largest logit. On the fixture's model the largest error of a row of torch's float32 logits, against its float64 ones,
 * is 4 ulps in the median (64 to 1500 positions, with a cache and without). A gap holds the errors of two logits, and
 * two programs are compared: 4 x 2 x 2. The gap itself is 0.25 in the median, some 500,000 ulps.
 */
export const TIE_ULPS = 16;
/** Most texts with a tie, as a share of a task's texts: of some 1,000 tokens of a text, one in 100,000 is tied. */
const MOST_TIED = 0.03;

/** A text that both sides wrote, and what it answers. */
export interface WrittenPair {
  readonly item: Pick<WrittenItem, 'id' | 'context' | 'until' | 'maxNewTokens'>;
  readonly ours: string;
  readonly theirs: string;
}

const followed = z.object({
  follows: z.boolean(),
  ties: z.array(z.object({ token: z.number(), gap: z.number(), bound: z.number() })),
  tokens: z.array(z.number()),
  written: z.string(),
});
type Followed = z.infer<typeof followed>;

/** A text that torch is asked about: whether the model writes it; null asks for the text. */
export interface FollowedText {
  readonly item: WrittenPair['item'];
  readonly text: string | null;
  /** Rows of the output projection to make alike: the second token's becomes the first one's times the factor. */
  readonly same?: readonly (readonly [first: number, second: number, factor: number])[];
}

/**
 * Whether a model that takes the likeliest token, or one tied with it (TIE_ULPS), writes exactly each text: float32
 * torch on the whole of each prefix.
 */
export const followTexts = (model: string, texts: readonly FollowedText[]): Promise<readonly Followed[]> =>
  runPython(
    'greedy_texts.py',
    texts.map(({ item: { context, until, maxNewTokens }, ...rest }) => ({
      ...rest,
      model,
      context,
      until,
      most: maxNewTokens,
      ulps: TIE_ULPS,
    })),
    followed,
  );

/** What to ask of pairs: both texts of each that differ, ours first. */
export const textsToFollow = (pairs: readonly WrittenPair[]): readonly FollowedText[] =>
  pairs
    .filter(({ ours, theirs }) => ours !== theirs)
    .flatMap(({ item, ours, theirs }) => [
      { item, text: ours },
      { item, text: theirs },
    ]);

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/**
 * Requires that every text of ours is theirs; or that both are what float32 torch writes on their own prefixes, but for
 * ties. Then they part at a tie, and each is right to its end. `answers`: about `textsToFollow(pairs)`. Returns the ids
 * of such items. @throws if another text differs, or too many do.
 */
export const tiedItems = (
  named: string,
  pairs: readonly WrittenPair[],
  answers: readonly Followed[],
): ReadonlySet<string> => {
  const parted = pairs.filter(({ ours, theirs }) => ours !== theirs);
  expect(answers).toHaveLength(2 * parted.length);
  parted.forEach(({ item }, index) => {
    const [ours, theirs] = answers.slice(2 * index);
    expect(ours?.follows, `${named}, ${item.id}: the likeliest tokens do not give our text`).toBe(true);
    expect(theirs?.follows, `${named}, ${item.id}: the likeliest tokens do not give their text`).toBe(true);
    for (const { token, gap, bound } of ours?.ties ?? [])
      say(`${named}, ${item.id}: tie at token ${String(token)}, gap ${String(gap)}, bound ${String(bound)}`);
  });
  say(`${named}: ${String(pairs.length)} texts, ${String(parted.length)} part at a tie`);
  expect(parted.length, `${named}: texts with a tie`).toBeLessThanOrEqual(Math.ceil(MOST_TIED * pairs.length));
  return new Set(parted.map(({ item }) => item.id));
};
