/** Additional characters examined beyond the longest stop string, since a token may begin within a character. */
const MARGIN = 8;

/**
 * Returns a function that says, after each token, whether the text contains a stop string. It decodes only as many
 * final tokens as the longest string needs, so that the time does not grow with the text.
 */
export const stopWatcher = (
  decode: (tokens: readonly number[]) => string,
  stops: readonly string[],
): ((written: readonly number[]) => boolean) => {
  if (stops.length === 0) return () => false;
  const needed = MARGIN + stops.reduce((longest, { length }) => Math.max(longest, length), 0);
  const holds = (text: string): boolean => stops.some((stop) => text.includes(stop));
  let tail = 4;
  return (written) => {
    // The newest token may be long: the tokens before it must have room for the string.
    while (tail < written.length && decode(written.slice(-tail, -1)).length < needed) tail *= 2;
    // A tail that begins within a character decodes to characters that are not in the whole text.
    return holds(decode(written.slice(-tail))) && (tail >= written.length || holds(decode(written)));
  };
};
