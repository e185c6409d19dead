import { FEWEST_LOOPED, type TextLoop } from '../contract/outcome.ts';

/** Longest period in tokens and fewest repeats of a loop. */
const MOST_PERIOD = 64;
const FEWEST_REPEATS = 4;
/** Without a period: the last tokens of which nearly none may be new, and the share of new trigrams below which. */
const STALE_TOKENS = 128;
const STALE_SHARE = 0.1;

/** First token of the longest end of a text that has this period. */
const beginOf = (tokens: readonly number[], period: number): number => {
  let begin = tokens.length - period;
  while (begin > 0 && tokens[begin - 1] === tokens[begin - 1 + period]) begin -= 1;
  return begin;
};

/** Number of trigrams from `begin` on that occur nowhere earlier in the text. */
const newTrigrams = (tokens: readonly number[], begin: number): number => {
  const seen = new Set<string>();
  let found = 0;
  for (let end = 3; end <= tokens.length; end += 1) {
    const trigram = tokens.slice(end - 3, end).join(' ');
    if (end - 3 >= begin && !seen.has(trigram)) found += 1;
    seen.add(trigram);
  }
  return found;
};

/**
 * The loop at the end of generated tokens, or null. A text has looped if its end repeats a period of 1 to 64 tokens at
 * least four times and over at least 32 tokens (the shortest period counts), or if fewer than a tenth of the trigrams
 * in its last 128 tokens are new.
 */
export const loopOf = (tokens: readonly number[]): Omit<TextLoop, 'character'> | null => {
  if (tokens.length < FEWEST_LOOPED) return null;
  for (let period = 1; period <= MOST_PERIOD; period += 1) {
    const token = beginOf(tokens, period);
    if (tokens.length - token >= Math.max(FEWEST_LOOPED, FEWEST_REPEATS * period)) return { token, period };
  }
  const token = tokens.length - STALE_TOKENS;
  const isStale = token >= 0 && newTrigrams(tokens, token) < STALE_SHARE * (STALE_TOKENS - 2);
  return isStale ? { token, period: null } : null;
};
