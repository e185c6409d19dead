/** A name that every file system accepts: lower case letters, digits, dots, single dashes; at most 60 characters. */
const safeName = (name: string): string => {
  const safe = name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 60);
  return safe === '' ? 'unnamed' : safe;
};

/** Safe names, all different: duplicates get `-2` and so on, in the order given. */
export const fileNames = (names: readonly string[]): ReadonlyMap<string, string> => {
  const taken = new Set<string>();
  const given = new Map<string, string>();
  for (const name of new Set(names)) {
    const safe = safeName(name);
    let free = safe;
    for (let count = 2; taken.has(free); count += 1) free = `${safe}-${count}`;
    taken.add(free);
    given.set(name, free);
  }
  return given;
};

/** The name that `fileNames` chose; other names are made safe. */
export const fileNameOf = (names: ReadonlyMap<string, string>, name: string): string =>
  names.get(name) ?? safeName(name);
