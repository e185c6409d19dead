import { basename, join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import type { TextItem } from '../contract/task.ts';
import { describeLeftOut, hashTask, leaveOutTestTexts } from './items.ts';
import { readTextFile } from './read-rows.ts';
import { describedBy, type Task } from './task.ts';

/** About the context window of a small model: long enough for context to matter, short enough for many items. */
export const PASSAGE_CHARACTERS = 2_048;

interface Passage {
  readonly line: number;
  readonly text: string;
  /** False for the later pieces of a paragraph that was cut. */
  readonly startsParagraph: boolean;
}

/** Splits a text into paragraphs at blank lines; `line` is the first line, counted from 1. */
const paragraphs = (text: string): readonly Passage[] => {
  const found: Passage[] = [];
  let lines: string[] = [];
  const close = (next: number): void => {
    if (lines.length > 0) found.push({ line: next - lines.length, text: lines.join('\n'), startsParagraph: true });
    lines = [];
  };
  const all = text.replace(/\r\n?/g, '\n').split('\n');
  all.forEach((line, index) => {
    if (line.trim() === '') close(index + 1);
    else lines.push(line);
  });
  close(all.length + 1);
  return found;
};

/** Cuts a long paragraph after the last white space before each limit (or at the limit if there is none). */
const cutParagraph = ({ line, text }: Passage): readonly Passage[] => {
  const pieces: Passage[] = [];
  let at = line;
  let rest = text;
  while (rest.length > PASSAGE_CHARACTERS) {
    const space = rest.slice(0, PASSAGE_CHARACTERS).search(/\s\S*$/);
    // Do not cut a surrogate pair (a character beyond U+FFFF) in two.
    const limit = /[\uD800-\uDBFF]/.test(rest[PASSAGE_CHARACTERS - 1] ?? '')
      ? PASSAGE_CHARACTERS - 1
      : PASSAGE_CHARACTERS;
    const end = space > 0 ? space + 1 : limit;
    const piece = rest.slice(0, end);
    pieces.push({ line: at, text: piece, startsParagraph: pieces.length === 0 });
    at += piece.split('\n').length - 1;
    rest = rest.slice(end);
  }
  return [...pieces, { line: at, text: rest, startsParagraph: pieces.length === 0 }];
};

/**
 * Splits raw text into items for perplexity: whole paragraphs (ended by blank lines) packed in order into passages of
 * at most PASSAGE_CHARACTERS, joined by a blank line; a longer paragraph is cut at white space. Each id is `split` and
 * the line at which its passage begins, with a number appended if several begin there. Only blank lines are lost.
 */
export const textPassages = (text: string, split: string): readonly TextItem[] => {
  const passages: Passage[] = [];
  for (const piece of paragraphs(text).flatMap(cutParagraph)) {
    const last = passages.at(-1);
    if (last !== undefined && piece.startsParagraph && last.text.length + 2 + piece.text.length <= PASSAGE_CHARACTERS) {
      passages[passages.length - 1] = { ...last, text: `${last.text}\n\n${piece.text}` };
    } else passages.push(piece);
  }
  const seen = new Map<number, number>();
  return passages.map(({ line, text: passage }) => {
    const before = seen.get(line) ?? 0;
    seen.set(line, before + 1);
    return { id: `${split}:${line}${before === 0 ? '' : `.${before}`}`, text: passage };
  });
};

const ITEMS =
  `Items are whole paragraphs packed into passages of at most ${PASSAGE_CHARACTERS} characters; longer ` +
  'paragraphs are cut at white space.';

const readPassages = async (file: string, split: string): Promise<readonly TextItem[]> => {
  const passages = textPassages(await readTextFile(file), split);
  if (passages.length === 0) throw refuse('empty-task', `${file} contains no text.`, 'Give a file with text in it.');
  return passages;
};

const textTask = (
  path: string,
  name: string,
  splits: string,
  calibration: readonly TextItem[],
  test: readonly TextItem[],
): Task => {
  const { kept, leftOut } = leaveOutTestTexts(calibration, test, ({ text }) => text);
  return {
    name,
    title: name,
    description: describedBy(ITEMS, splits, describeLeftOut(leftOut)),
    metric: 'perplexity',
    source: basename(path),
    licence: '',
    calibration: kept,
    test,
    hash: hashTask('perplexity', kept, test),
    path,
  };
};

/**
 * Loads a text file for perplexity: the first half of its passages is the calibration split, the second half the test
 * split, so that the two are adjacent only once. A single passage forms a test split only.
 */
export const loadTextFile = async (file: string): Promise<Task> => {
  const passages = await readPassages(file, 'line');
  const half = Math.floor(passages.length / 2);
  return textTask(
    file,
    basename(file).replace(/\.txt$/i, ''),
    'The first half of the passages is the calibration split, the second half the test split.',
    passages.slice(0, half),
    passages.slice(half),
  );
};

/** A folder with train.txt (calibration split) and test.txt (test split). */
export const loadTextFolder = async (folder: string): Promise<Task> => {
  const calibration = await readPassages(join(folder, 'train.txt'), 'train');
  const test = await readPassages(join(folder, 'test.txt'), 'test');
  return textTask(
    folder,
    basename(folder),
    'train.txt is the calibration split, test.txt the test split.',
    calibration,
    test,
  );
};
