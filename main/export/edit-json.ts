import { present } from '../contract/errors.ts';
/** Tokens of JSON: strings, punctuation and other scalars. */
const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * Sets top-level members in the text of a JSON object and leaves every other character unchanged: `1e-05`, `10000.0`
 * and the order of keys survive, which parsing and printing would change. New keys are added at the end. `text` must be
 * a JSON object.
 */
export const editJsonMembers = (text: string, members: Readonly<Record<string, unknown>>): string => {
  const values = memberValues(text);
  const absent = Object.keys(members).filter((key) => !values.has(key));
  let edited = insertMembers(
    text,
    absent.map((key) => `${JSON.stringify(key)}: ${JSON.stringify(members[key])}`),
  );
  const present = Object.keys(members).flatMap((key) => {
    const span = values.get(key);
    return span === undefined ? [] : [{ key, ...span }];
  });
  // From the end, so that earlier positions stay valid.
  for (const { key, start, end } of present.sort((a, b) => b.start - a.start)) {
    edited = edited.slice(0, start) + JSON.stringify(members[key]) + edited.slice(end);
  }
  return edited;
};

/** The same for members of the object that is the value of the top-level member `within`; null: of the text itself. */
export const editJsonMembersWithin = (
  text: string,
  within: string | null,
  members: Readonly<Record<string, unknown>>,
): string => {
  if (within === null) return editJsonMembers(text, members);
  const span = present(memberValues(text).get(within), `no member "${within}" to edit`);
  return text.slice(0, span.start) + editJsonMembers(text.slice(span.start, span.end), members) + text.slice(span.end);
};

/** Positions of the values of top-level members; of a duplicate key the last one counts. */
const memberValues = (text: string): ReadonlyMap<string, { readonly start: number; readonly end: number }> => {
  const spans = new Map<string, { start: number; end: number }>();
  let depth = 0;
  let key: string | null = null;
  let start: number | null = null;
  let afterColon = false;
  for (const match of text.matchAll(token)) {
    const [sign] = match;
    const end = match.index + sign.length;
    const opens = sign === '{' || sign === '[';
    const closes = sign === '}' || sign === ']';
    if (closes) depth -= 1;
    if (depth === 1 && afterColon && !closes) start = match.index;
    if (depth === 1 && start !== null && key !== null && !opens && sign !== ',') {
      spans.set(key, { start, end });
      start = null;
      key = null;
    } else if (depth === 1 && !afterColon && sign.startsWith('"')) key = String(JSON.parse(sign));
    afterColon = depth === 1 && sign === ':';
    if (opens) depth += 1;
  }
  return spans;
};

const insertMembers = (text: string, members: readonly string[]): string => {
  if (members.length === 0) return text;
  const close = text.lastIndexOf('}');
  const body = text.slice(0, close).trimEnd();
  const indent = /\n([ \t]+)"/.exec(text)?.[1] ?? '  ';
  const lines = members.map((member) => `\n${indent}${member}`).join(',');
  return `${body}${body.endsWith('{') ? '' : ','}${lines}\n${text.slice(close)}`;
};
