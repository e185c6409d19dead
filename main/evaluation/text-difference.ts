/** A text split into the common beginning, the difference, and the common end. */
export interface TextDifference {
  readonly before: string;
  readonly changed: string;
  readonly after: string;
}

/** Compares two texts by code points. `changed` of both is empty where they are equal. */
export const textDifference = (one: string, other: string): readonly [TextDifference, TextDifference] => {
  const [left, right] = [Array.from(one), Array.from(other)];
  const shorter = Math.min(left.length, right.length);
  let start = 0;
  while (start < shorter && left[start] === right[start]) start += 1;
  let end = 0;
  while (end < shorter - start && left[left.length - 1 - end] === right[right.length - 1 - end]) end += 1;
  const cut = (characters: readonly string[]): TextDifference => ({
    before: characters.slice(0, start).join(''),
    changed: characters.slice(start, characters.length - end).join(''),
    after: characters.slice(characters.length - end).join(''),
  });
  return [cut(left), cut(right)];
};
