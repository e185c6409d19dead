/**
 * Scores by which llama.cpp's SentencePiece tokenizer, which joins the pair whose whole has the best score, joins pairs
 * in the order of a list of merges: the whole that is merged first has the best one. A string says why there are none:
 * a list of merges can say more than scores can (which parts may be joined, and other wholes between two ways to one).
 */
export const mergeScores = (
  pieces: readonly string[],
  merges: readonly (readonly [string, string])[],
): ReadonlyMap<string, number> | string => {
  const known = new Set(pieces);
  const listed = new Set<string>();
  const scores = new Map<string, number>();
  let last = '';
  for (const [left, right] of merges) {
    const whole = left + right;
    listed.add(keyOf(left, right));
    if (whole === last) continue;
    if (scores.has(whole)) return `its merges come back to ${JSON.stringify(whole)}, which no list of scores says`;
    scores.set(whole, -scores.size - 1);
    last = whole;
  }
  for (const piece of pieces) {
    const characters = Array.from(piece);
    for (let cut = 1; cut < characters.length; cut += 1) {
      const [left, right] = [characters.slice(0, cut).join(''), characters.slice(cut).join('')];
      if (known.has(left) && known.has(right) && !listed.has(keyOf(left, right)))
        return `its merges do not join ${JSON.stringify(left)} and ${JSON.stringify(right)}, and scores would`;
    }
  }
  return scores;
};

const keyOf = (left: string, right: string): string => `${left}\n${right}`;
