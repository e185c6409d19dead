import { afterString } from '../../files/parse-json.ts';

/** Keys and indices of a part of a JSON text. */
export type JsonPath = readonly (string | number)[];

const SPACE = /\s*/y;
const SCALAR = /[^\s,\]}]+/y;

const lengthOf = (pattern: RegExp, text: string, at: number): number => {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
};

const afterSpace = (text: string, at: number): number => at + lengthOf(SPACE, text, at);

/** End of the value that begins at `at`. */
const endOfValue = (text: string, at: number): number => {
  const first = text[at];
  if (first === '"') return afterString(text, at);
  if (first !== '[' && first !== '{') return at + lengthOf(SCALAR, text, at);
  let depth = 0;
  for (let position = at; position < text.length; position += 1) {
    const character = text[position];
    if (character === '"') position = afterString(text, position) - 1;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') {
      depth -= 1;
      if (depth === 0) return position + 1;
    }
  }
  return text.length;
};

/** Start of the child `step` of the list or object at `at`; null where it has none. The last of duplicate keys. */
const childOf = (text: string, at: number, step: string | number): number | null => {
  const isObject = text[at] === '{';
  if (!isObject && text[at] !== '[') return null;
  let found: number | null = null;
  let position = afterSpace(text, at + 1);
  for (let index = 0; position < text.length && text[position] !== ']' && text[position] !== '}'; index += 1) {
    let name: string | number = index;
    if (isObject) {
      const end = endOfValue(text, position);
      name = String(JSON.parse(text.slice(position, end)));
      position = afterSpace(text, afterSpace(text, end) + 1);
    }
    if (name === step) found = position;
    position = afterSpace(text, endOfValue(text, position));
    if (text[position] === ',') position = afterSpace(text, position + 1);
  }
  return found;
};

/**
 * Line (from 1) on which the value at `path` begins. `text` must be JSON; where a part of the path is missing, the line
 * of the last part found.
 */
export const lineOfValue = (text: string, path: JsonPath): number => {
  let at = afterSpace(text, 0);
  for (const step of path) {
    const child = childOf(text, at, step);
    if (child === null) break;
    at = child;
  }
  return text.slice(0, at).split('\n').length;
};
