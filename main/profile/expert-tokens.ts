import { type TokenClass, tokenClasses } from '../contract/outcome.ts';
import type { ExpertTokens, TakenToken } from '../contract/profile.ts';
import { BEFORE, type LayerSample, NO_TOKEN, WINDOW } from './choice-sample.ts';

/** Tokens listed of each kind, and occurrences shown of each. */
const MOST_TOKENS = 12;
const MOST_CONTEXTS = 3;

/** Text and class of tokens within their context. */
export interface TokenReader {
  /** Text of a token after another one (NO_TOKEN: at the beginning), and its class. */
  piece(previous: number, token: number): { readonly text: string; readonly class: TokenClass };
  /** Text of consecutive tokens. */
  text(tokens: readonly number[]): string;
}

/**
 * Signed log-likelihood ratio (G^2 / 2, nats) of `taken` of `of` tokens against the overall share `share`: the evidence
 * that a token is taken more often (positive) or less often than the base rate. 0 log 0 is 0. Source: Dunning 1993,
 * Accurate methods for the statistics of surprise and coincidence.
 */
export const surprise = (taken: number, of: number, share: number): number => {
  if (of === 0 || share <= 0 || share >= 1) return 0;
  const term = (seen: number, expected: number): number => (seen === 0 ? 0 : seen * Math.log(seen / expected));
  const ratio = term(taken, of * share) + term(of - taken, of * (1 - share));
  return taken >= of * share ? ratio : -ratio;
};

/** Positions in a sequence are grouped by octaves: 0, 1, 2-3, 4-7 ... */
const octave = (position: number): number => (position === 0 ? 0 : Math.floor(Math.log2(position)) + 1);
const octaveRange = (index: number): readonly [number, number] =>
  index === 0 ? [0, 0] : [2 ** (index - 1), 2 ** index - 1];

interface Tally {
  readonly token: number;
  readonly text: string;
  of: number;
  taken: number;
  gate: number;
  /** Rows that took it, with their weight. */
  readonly rows: { readonly row: number; readonly gate: number }[];
}

/** Statistics of one expert over the sampled tokens of one layer. */
export const expertTokens = (sample: LayerSample, expert: number, reader: TokenReader): ExpertTokens => {
  const { size, topK, windows, positions, experts, weights } = sample;
  const tallies = new Map<string, Tally>();
  const classes = new Map(tokenClasses.map((name) => [name, { of: 0, taken: 0 }]));
  const octaves: ({ of: number; taken: number } | undefined)[] = [];
  let taken = 0;
  for (let row = 0; row < size; row += 1) {
    const token = windows[row * WINDOW + BEFORE] ?? NO_TOKEN;
    const { text, class: kind } = reader.piece(windows[row * WINDOW + BEFORE - 1] ?? NO_TOKEN, token);
    const slot = experts.subarray(row * topK, (row + 1) * topK).indexOf(expert);
    const gate = slot < 0 ? 0 : (weights[row * topK + slot] ?? 0);
    const key = `${token} ${text}`;
    const tally = tallies.get(key) ?? { token, text, of: 0, taken: 0, gate: 0, rows: [] };
    tallies.set(key, tally);
    const counters = [tally, classes.get(kind), (octaves[octave(positions[row] ?? 0)] ??= { of: 0, taken: 0 })];
    for (const count of counters) {
      if (count === undefined) continue;
      count.of += 1;
      if (slot >= 0) count.taken += 1;
    }
    if (slot < 0) continue;
    taken += 1;
    tally.gate += gate;
    tally.rows.push({ row, gate });
  }
  const share = size === 0 ? 0 : taken / size;
  const contextOf = ({ row, gate }: Tally['rows'][number]): TakenToken['contexts'][number] => {
    const window = [...windows.subarray(row * WINDOW, (row + 1) * WINDOW)];
    const known = (tokens: readonly number[]): readonly number[] => tokens.filter((token) => token !== NO_TOKEN);
    const before = reader.text(known(window.slice(0, BEFORE)));
    const upTo = reader.text(known(window.slice(0, BEFORE + 1)));
    const whole = reader.text(known(window));
    return { before, token: upTo.slice(before.length), behind: whole.slice(upTo.length), gate };
  };
  const listed = (value: (tally: Tally) => number): TakenToken[] =>
    [...tallies.values()]
      .filter((tally) => tally.taken > 0 && value(tally) > 0)
      .sort((a, b) => value(b) - value(a) || b.taken - a.taken || a.token - b.token)
      .slice(0, MOST_TOKENS)
      .map((tally) => ({
        token: tally.token,
        text: tally.text,
        taken: tally.taken,
        of: tally.of,
        gate: tally.gate,
        surprise: surprise(tally.taken, tally.of, share),
        contexts: [...tally.rows]
          .sort((a, b) => b.gate - a.gate || a.row - b.row)
          .slice(0, MOST_CONTEXTS)
          .map(contextOf),
      }));
  return {
    sampled: size,
    taken,
    byCount: listed((tally) => tally.taken),
    byGate: listed((tally) => tally.gate),
    bySurprise: listed((tally) => surprise(tally.taken, tally.of, share)),
    classes: [...classes].flatMap(([name, count]) => (count.of === 0 ? [] : [{ name, ...count }])),
    positions: [...octaves.entries()].flatMap(([index, count]) => {
      const [from, to] = octaveRange(index);
      return count === undefined ? [] : [{ from, to, ...count }];
    }),
  };
};
