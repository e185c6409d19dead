import type { TokenClass } from '../contract/outcome.ts';

/**
 * Class of a token: `special` where its text is left out of plain text (BOS, EOS, padding); `white space`, `digit` and
 * `punctuation` (symbols too) where it is nothing else except a leading space; of the rest, `word start` where letters
 * begin after anything but a letter or digit, `continuation` where they continue one; `other`: parts of characters, and
 * mixtures of these.
 *
 * `before`: the text before it, empty at the beginning.
 */
export const tokenClass = (text: string, before: string, isSpecial: boolean): TokenClass => {
  if (isSpecial) return 'special';
  if (text === '' || text.includes('\ufffd')) return 'other';
  const bare = text.trimStart();
  if (bare === '') return 'white space';
  if (/^\p{N}+$/u.test(bare)) return 'digit';
  if (/^[\p{P}\p{S}]+$/u.test(bare)) return 'punctuation';
  if (!/^[\p{L}\p{M}]/u.test(bare)) return 'other';
  return bare === text && /[\p{L}\p{M}\p{N}]$/u.test(before) ? 'continuation' : 'word start';
};
