import { createHash } from 'node:crypto';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A stored value: an object of its key, the SHA-256 of its text, and the value. `content`: the value as JSON. */
export const sealedJson = (key: string, content: string): string =>
  `{"key":"${key}","sha256":"${hashOf(content)}","value":${content}}`;

/** The text of the value in a file made by `sealedJson`; null if key or hash do not match. */
export const contentOf = (key: string, text: string): string | null => {
  const [start, middle] = [`{"key":"${key}","sha256":"`, '","value":'];
  const contentAt = start.length + 64 + middle.length;
  const content = text.slice(contentAt, -1);
  return text.startsWith(`${start}${hashOf(content)}${middle}`) && text.endsWith('}') ? content : null;
};
