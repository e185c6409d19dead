import type { Finding } from '../../../main/contract/size-trend.ts';

/** The verdict in a word or two; none where a finding only counts. */
export const verdictWords: Readonly<Record<Finding['verdict'], string | null>> = {
  supported: 'supported',
  opposed: 'opposed',
  mixed: 'mixed',
  unchanged: 'no change seen',
  'cannot-tell': 'cannot tell',
  counted: null,
};

/** A sentence cut at its p values, which are explained where they stand. */
export const splitAtProbabilities = (
  sentence: string,
): readonly { readonly text: string; readonly isProbability: boolean }[] =>
  sentence
    .split(/(\bp (?:=|<) \d[\d.]*(?:e[-\u2212]\d+)?(?<!\.))/u)
    .map((text, index) => ({ text, isProbability: index % 2 === 1 }))
    .filter(({ text }) => text !== '');
