import { basename, join } from 'node:path';
import { refuse } from '../../contract/errors.ts';
import type { ChoiceItem } from '../../contract/task.ts';
import { assembleItem, type PromptTurns } from '../few-shot.ts';
import { checkChoices, type DataRow, describeLeftOut, hashTask, leaveOutTestTexts } from '../items.ts';
import { readJsonLines } from '../read-rows.ts';
import { describedBy, profiledText, type Task } from '../task.ts';
import {
  boolq,
  cb,
  copa,
  type FormattedQuestion,
  multirc,
  record,
  rte,
  type SuperGlueFormat,
  wic,
  wsc,
} from './formats.ts';

const EXPECTED = 'Use the files as SuperGLUE distributes them: train.jsonl and val.jsonl, one JSON object a line.';
const NAMES = 'BoolQ, CB, COPA, RTE, WiC, WSC, MultiRC or ReCoRD';

const SHAPES: readonly (readonly [format: SuperGlueFormat, keys: readonly string[]])[] = [
  [boolq, ['question', 'passage']],
  [copa, ['premise', 'choice1', 'choice2', 'question']],
  [wic, ['sentence1', 'sentence2', 'start1', 'end1']],
  [wsc, ['text', 'target']],
  [record, ['passage', 'qas']],
  [multirc, ['passage', 'idx']],
];

/**
 * Recognises the task of a folder by the keys of its first row. CB and RTE have the same keys and differ in their
 * labels.
 */
const formatOf = (rows: readonly DataRow[], folder: string): SuperGlueFormat => {
  const first = rows[0]?.values ?? {};
  if ('premise' in first && 'hypothesis' in first) {
    const labels = new Set(rows.map(({ values }) => values['label']));
    const isRte = labels.has('not_entailment');
    if (isRte !== (labels.has('contradiction') || labels.has('neutral'))) return isRte ? rte : cb;
    throw refuse(
      'bad-task',
      `${folder}: its labels are neither those of CB nor those of RTE.`,
      'CB has entailment, contradiction and neutral, RTE entailment and not_entailment.',
    );
  }
  const found = SHAPES.find(([, keys]) => keys.every((key) => key in first));
  if (found === undefined)
    throw refuse(
      'bad-task',
      `${folder}: the first row of train.jsonl is not one of SuperGLUE (its keys: ${Object.keys(first).join(', ')}).`,
      `Choose a folder of ${NAMES}, or describe the data by a task.json or a YAML file.`,
    );
  return found[0];
};

interface Split {
  readonly items: readonly ChoiceItem[];
  readonly turns: ReadonlyMap<string, PromptTurns>;
  readonly leftOut: number;
}

/** Names of a split's passages by text; none if every question has its own. */
const passageNames = (questions: readonly FormattedQuestion[], split: string): ReadonlyMap<string, string> => {
  const passages = questions.flatMap((question) => question?.passage ?? []);
  const distinct = [...new Set(passages)];
  return new Map(
    distinct.length === passages.length ? [] : distinct.map((text, index) => [text, `${split}:passage ${index + 1}`]),
  );
};

const itemsOf = (rows: readonly DataRow[], format: SuperGlueFormat, split: string, file: string): Split => {
  const asked = rows.flatMap((row) => format.questions(row).map((question) => ({ question, location: row.location })));
  const groups = passageNames(
    asked.map(({ question }) => question),
    split,
  );
  const items: ChoiceItem[] = [];
  const turns = new Map<string, PromptTurns>();
  const count = asked.length;
  for (const [index, { question, location }] of asked.entries()) {
    if (question === null) continue;
    const { passage = '', ...rest } = question;
    const id = `${split}:${index + 1}`;
    const item = { ...rest, id, group: groups.get(passage) };
    items.push(checkChoices(assembleItem(item), location));
    turns.set(id, { system: '', examples: [], question: question.text, replies: question.choices });
  }
  if (items.length === 0) throw refuse('empty-task', `${file} contains no items.`, EXPECTED);
  return { items, turns, leftOut: count - items.length };
};

const turnsOf = (items: readonly ChoiceItem[], { turns }: Split): readonly PromptTurns[] =>
  items.flatMap(({ id }) => turns.get(id) ?? []);

/**
 * Loads a SuperGLUE folder as distributed: train.jsonl is the calibration split and val.jsonl the test split
 * (test.jsonl has no labels). Prompts are those of lm-evaluation-harness's super_glue tasks. Items are numbered in file
 * order.
 */
export const loadSuperGlue = async (folder: string): Promise<Task> => {
  const [trainFile, valFile] = [join(folder, 'train.jsonl'), join(folder, 'val.jsonl')];
  const trainRows = await readJsonLines(trainFile, EXPECTED);
  const format = formatOf(trainRows, folder);
  const train = itemsOf(trainRows, format, 'train', trainFile);
  const test = itemsOf(await readJsonLines(valFile, EXPECTED), format, 'val', valFile);
  const { kept, leftOut } = leaveOutTestTexts(train.items, test.items, profiledText);
  const unusable = train.leftOut + test.leftOut;
  const description = describedBy(
    `SuperGLUE's ${format.title} from ${basename(folder)}: train.jsonl is the calibration split, val.jsonl ` +
      `the test split, as test.jsonl has no labels. Prompts as in lm-evaluation-harness.`,
    format.note,
    test.items.some(({ group }) => group !== undefined)
      ? 'Items that share a passage are not independent: verdicts count passages.'
      : '',
    unusable === 0 ? '' : `${unusable} questions without a right and a wrong entity were left out.`,
    describeLeftOut(leftOut),
  );
  return {
    name: format.name.toLowerCase(),
    title: format.title,
    description,
    metric: 'acc',
    source: 'SuperGLUE, https://super.gluebenchmark.com',
    licence: 'As stated by the source of each SuperGLUE task',
    calibration: kept,
    test: test.items,
    turns: { calibration: turnsOf(kept, train), test: turnsOf(test.items, test) },
    hash: hashTask('acc', kept, test.items),
    path: folder,
  };
};
