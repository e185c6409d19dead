import { createHash } from 'node:crypto';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A stored value's SHA-256, and the marks of those who made it (maker-marks.ts); files of earlier versions have none. */
export interface JsonSeal {
  readonly sha256: string;
  readonly marks: string;
}

/** Characters of a file made by `sealedJson` that hold its key and its seal. */
export const SEAL_CHARACTERS = 1_024;

/**
 * A stored value: an object of its key, the SHA-256 of its text, the marks of its makers, and the value. `content`: the
 * value as JSON; `marksOf`: the marks for its hash.
 */
export const sealedJson = (key: string, content: string, marksOf: (sha256: string) => string): string => {
  const sha256 = hashOf(content);
  return `{"key":"${key}","sha256":"${sha256}","marks":"${marksOf(sha256)}","value":${content}}`;
};

/** What the beginning of a file made by `sealedJson` says; null if it is another file. */
export const statedSeal = (key: string, head: string): (JsonSeal & { readonly contentAt: number }) | null => {
  const start = `{"key":"${key}","sha256":"`;
  if (!head.startsWith(start)) return null;
  const found = /^([0-9a-f]{64})"(?:,"marks":"([0-9a-f]*)")?,"value":/.exec(head.slice(start.length, SEAL_CHARACTERS));
  if (found === null) return null;
  const [all, sha256 = '', marks = ''] = found;
  return { sha256, marks, contentAt: start.length + all.length };
};

/** The text of the value in a file made by `sealedJson`, and its seal; null if key or hash do not match. */
export const contentOf = (key: string, text: string): (JsonSeal & { readonly content: string }) | null => {
  const seal = statedSeal(key, text);
  if (seal === null || !text.endsWith('}')) return null;
  const content = text.slice(seal.contentAt, -1);
  return hashOf(content) === seal.sha256 ? { ...seal, content } : null;
};
