import { refuse } from '../contract/errors.ts';

/** No published model has larger vocabularies or tables of merges (the largest have a quarter of a million entries). */
const MAX_TOKENS = 1_000_000;
export const MAX_MERGES = 2_000_000;
/** Largest factor by which all replacements together may lengthen a text. */
const MAX_GROWTH = 64;
/** Largest number of characters and tokens that may be added to every text. */
const MAX_ADDED = 1024;
/** Longest pattern that is examined; published ones have a few hundred characters. */
const MAX_PATTERN_CHARACTERS = 10_000;

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value and every object within it. */
const objectsWithin = (value: unknown): readonly Json[] => {
  if (Array.isArray(value)) return value.flatMap(objectsWithin);
  return isObject(value) ? [value, ...Object.values(value).flatMap(objectsWithin)] : [];
};

/** The parts that transform and split texts, without the vocabulary. */
const textParts = (tokenizer: Json): readonly Json[] =>
  ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'].flatMap((name) => objectsWithin(tokenizer[name]));

const bad = (file: string, what: string): Error =>
  refuse('bad-tokenizer', `${file}: ${what}.`, 'Use a tokenizer.json that the tokenizers library wrote.');

const checkId = (file: string, token: string, id: unknown, vocabulary: number | null): void => {
  const name = JSON.stringify(token.slice(0, 40));
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0)
    throw bad(file, `token ${name} has the id ${JSON.stringify(id ?? null)}, which is not a whole number from 0 on`);
  if (vocabulary !== null && id >= vocabulary)
    throw bad(file, `token ${name} has id ${id}, but the model has ${vocabulary} tokens`);
};

const checkVocabulary = (file: string, { model, added_tokens: added }: Json, vocabulary: number | null): void => {
  const { vocab, merges } = isObject(model) ? model : {};
  const count = Array.isArray(vocab) ? vocab.length : isObject(vocab) ? Object.keys(vocab).length : 0;
  if (count > MAX_TOKENS) throw bad(file, `it has ${count} tokens (limit ${MAX_TOKENS})`);
  if (Array.isArray(merges) && merges.length > MAX_MERGES)
    throw bad(file, `it has ${merges.length} merges (limit ${MAX_MERGES})`);
  // A list of tokens and scores numbers its tokens by position.
  if (Array.isArray(vocab) && vocab.length > 0) checkId(file, 'the last of the list', vocab.length - 1, vocabulary);
  else if (isObject(vocab)) for (const [token, id] of Object.entries(vocab)) checkId(file, token, id, vocabulary);
  for (const each of Array.isArray(added) ? added : [])
    if (isObject(each)) checkId(file, String(each['content']), each['id'], vocabulary);
};

/** Largest number of characters by which a replacement replaces one. */
const growthOfReplace = ({ pattern, content }: Json): number => {
  if (typeof content !== 'string') return 1;
  const replaced = isObject(pattern) && typeof pattern['String'] === 'string' ? pattern['String'].length : 0;
  // A regular expression may match the empty string before every character.
  return replaced === 0 ? content.length + 1 : Math.max(1, content.length / replaced);
};

const lengthOf = (value: unknown): number => (typeof value === 'string' || Array.isArray(value) ? value.length : 0);

/** Largest factor by which a part of a tokenizer lengthens a text. */
const growthOf = (part: Json): number => {
  switch (part['type']) {
    case 'Replace':
      return growthOfReplace(part);
    case 'Metaspace':
      return Math.max(1, lengthOf(part['replacement']), lengthOf(part['str_rep']));
    case 'TemplateProcessing': {
      const { single } = part;
      const repeats = Array.isArray(single) ? single.filter((each) => isObject(each) && 'Sequence' in each).length : 1;
      return Math.max(1, repeats);
    }
    default:
      return 1;
  }
};

/** Number of characters or tokens that a part adds to every text. */
const addedBy = (part: Json): number => Math.max(lengthOf(part['prepend']), lengthOf(part['single']));

const checkGrowth = (file: string, tokenizer: Json): void => {
  const parts = (names: readonly string[]): readonly Json[] => names.flatMap((name) => objectsWithin(tokenizer[name]));
  for (const way of [parts(['normalizer', 'pre_tokenizer', 'post_processor']), parts(['decoder'])]) {
    const growth = way.reduce((product, part) => product * growthOf(part), 1);
    if (growth > MAX_GROWTH)
      throw bad(file, `its replacements may make a text ${growth.toPrecision(3)} times as long (limit ${MAX_GROWTH})`);
    const added = way.reduce((sum, part) => sum + addedBy(part), 0);
    if (added > MAX_ADDED) throw bad(file, `it adds ${added} pieces to every text (limit ${MAX_ADDED})`);
  }
};

/**
 * Refuses tokenizers that no published model has and that would do harm: ids beyond the embedding's rows, too many
 * tokens or merges, and replacements that lengthen texts many times.
 */
export const checkTokenizer = (file: string, tokenizer: Json, vocabulary: number | null): void => {
  checkVocabulary(file, tokenizer, vocabulary);
  checkGrowth(file, tokenizer);
};

/** Unbounded quantifiers: `+`, `*`, `{2,}`. */
const REPEATS = /^(?:[+*]|\{\d*,\})/;

/**
 * Whether a pattern repeats a group that itself contains repetitions or alternatives. Only then can matching take time
 * exponential in the length of the text.
 */
const repeatsChoices = (pattern: string): boolean => {
  const groups: { hasChoice: boolean }[] = [{ hasChoice: false }];
  let isInClass = false;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at];
    const inner = groups.at(-1);
    if (character === '\\') at += 1;
    else if (isInClass) isInClass = character !== ']';
    else if (character === '[') isInClass = true;
    else if (character === '(') groups.push({ hasChoice: false });
    else if (character === ')') {
      const closed = groups.pop();
      const outer = groups.at(-1);
      if (closed?.hasChoice === true && REPEATS.test(pattern.slice(at + 1))) return true;
      if (closed?.hasChoice === true && outer !== undefined) outer.hasChoice = true;
    } else if (inner !== undefined && (character === '|' || REPEATS.test(pattern.slice(at)))) inner.hasChoice = true;
  }
  return false;
};

/**
 * Whether no pattern can take exponential time. If this is uncertain for one, each text must be encoded under a
 * deadline.
 */
export const matchesInTime = (tokenizer: Json): boolean =>
  textParts(tokenizer)
    .map(({ Regex: pattern }) => pattern)
    .filter((pattern) => pattern !== undefined)
    .every(
      (pattern) => typeof pattern === 'string' && pattern.length <= MAX_PATTERN_CHARACTERS && !repeatsChoices(pattern),
    );
