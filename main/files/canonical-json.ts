/**
 * JSON with the keys of every object in ascending order: equal values give equal text. `undefined` members are omitted.
 */
export const canonicalJson = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((member: unknown) => canonicalJson(member)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members: Readonly<Record<string, unknown>> = { ...value };
    let text = '';
    // Sorted by UTF-16 code units.
    for (const key of Object.keys(members).sort()) {
      const member = members[key];
      if (member !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
    }
    return `{${text}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new RangeError(`${value} has no JSON form`);
  }
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol') {
    throw new TypeError(`${typeof value} has no JSON form`);
  }
  return JSON.stringify(value);
};

/** The JSON text of an object with members, and one more that it has not yet; the text is not parsed. */
export const withMember = (text: string, key: string, value: unknown): string => {
  if (!/^\{\s*"/.test(text) || !text.endsWith('}')) throw new TypeError('not the JSON text of an object with members');
  return `${text.slice(0, -1)},${JSON.stringify(key)}:${JSON.stringify(value)}}`;
};
