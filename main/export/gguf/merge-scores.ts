/**
 * Scores with which llama.cpp's SentencePiece tokenizer, which first joins the pair with the best result, joins pairs
 * in the order of a list of merges. Returns the reason if there are none, since a list of merges can express more than
 * scores (which parts may be joined, and other results between two ways to the same).
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
    if (scores.has(whole)) return `its merges return to ${JSON.stringify(whole)}, which scores cannot express`;
    scores.set(whole, -scores.size - 1);
    last = whole;
  }
  for (const piece of pieces) {
    const characters = Array.from(piece);
    for (let cut = 1; cut < characters.length; cut += 1) {
      const [left, right] = [characters.slice(0, cut).join(''), characters.slice(cut).join('')];
      if (known.has(left) && known.has(right) && !listed.has(keyOf(left, right)))
        return `its merges do not join ${JSON.stringify(left)} and ${JSON.stringify(right)}, but scores would`;
    }
  }
  return scores;
};

const keyOf = (left: string, right: string): string => `${left}\n${right}`;
