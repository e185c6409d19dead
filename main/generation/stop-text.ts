/** Characters inspected beyond the longest stop string, since a token may begin within a character. */
const MARGIN = 8;

/**
 * Tests after each token whether the text contains a stop string. Only the end is decoded again, as many tokens as the
 * longest string needs, so the time does not grow with the text.
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
    // The newest token may be long: the tokens before it must still cover the string.
    while (tail < written.length && decode(written.slice(-tail, -1)).length < needed) tail *= 2;
    // A tail that begins within a character decodes to characters that the whole text does not contain.
    return holds(decode(written.slice(-tail))) && (tail >= written.length || holds(decode(written)));
  };
};
