import { basename, join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import type { TextItem } from '../contract/task.ts';
import { hashTask } from './hash-items.ts';
import { describeLeftOut, leaveOutTestTexts } from './leave-out-test-texts.ts';
import { readTextFile } from './read-text-file.ts';
import type { Task } from './task.ts';
import { PASSAGE_CHARACTERS, textPassages } from './text-passages.ts';

const ITEMS = `Items are whole paragraphs packed into passages of at most ${String(PASSAGE_CHARACTERS)} characters; longer paragraphs are cut at white space.`;

const readPassages = async (file: string, split: string): Promise<readonly TextItem[]> => {
  const passages = textPassages(await readTextFile(file), split);
  if (passages.length === 0) throw refuse('empty-task', `${file} holds no text.`, 'Give a file with text in it.');
  return passages;
};

const textTask = (path: string, name: string, splits: string, calibration: readonly TextItem[], test: readonly TextItem[]): Task => {
  const { kept, leftOut } = leaveOutTestTexts(calibration, test, ({ text }) => text);
  return {
    name,
    title: name,
    description: [ITEMS, splits, describeLeftOut(leftOut)].filter((sentence) => sentence !== '').join(' '),
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
 * A text file, for perplexity: its first half of passages is the calibration split, the second the test split, so that
 * the two meet at one place only. With a single passage there is only a test split.
 */
export const loadTextFile = async (file: string): Promise<Task> => {
  const passages = await readPassages(file, 'line');
  const half = Math.floor(passages.length / 2);
  return textTask(file, basename(file).replace(/\.txt$/i, ''), 'The first half of the passages is the calibration split, the second half the test split.', passages.slice(0, half), passages.slice(half));
};

/** A folder with train.txt (calibration split) and test.txt (test split). */
export const loadTextFolder = async (folder: string): Promise<Task> => {
  const calibration = await readPassages(join(folder, 'train.txt'), 'train');
  const test = await readPassages(join(folder, 'test.txt'), 'test');
  return textTask(folder, basename(folder), 'train.txt is the calibration split, test.txt the test split.', calibration, test);
};
