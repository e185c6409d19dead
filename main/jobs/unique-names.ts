/** Characters of a hash that tell namesakes apart. */
const HASH_CHARACTERS = 6;

/** Names as they are where they differ; namesakes get the beginning of their hash, and same things a number as well. */
export const uniqueNames = (entries: readonly { readonly name: string; readonly hash: string }[]): readonly string[] => {
  const taken = new Set<string>();
  return entries.map(({ name, hash }) => {
    const isShared = entries.filter((other) => other.name === name).length > 1;
    const base = isShared ? `${name} (${hash.slice(0, HASH_CHARACTERS)})` : name;
    let unique = base;
    for (let number = 2; taken.has(unique); number += 1) unique = `${base} ${String(number)}`;
    taken.add(unique);
    return unique;
  });
};
