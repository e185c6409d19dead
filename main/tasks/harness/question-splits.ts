import { refuse } from '../../contract/errors.ts';
import type { TaskItem, WrittenItem } from '../../contract/task.ts';
import {
  assembleItem,
  DEFAULT_SEED,
  delimiterMoves,
  type FewShot,
  MAX_EXAMPLES,
  plainHead,
  type PromptTurns,
  type TaskTurns,
} from '../few-shot.ts';
import type { StopRule } from '../generation/stop-rule.ts';
import { checkChoices, describeLeftOut, leaveOutTestTexts } from '../items.ts';
import { equals } from '../template/template-operators.ts';
import { WorkMeter } from '../template/work-meter.ts';
import { type HarnessConfig, stopRuleOf } from './harness-config.ts';
import type { QuestionFields } from './question-fields.ts';
import type { HarnessRow, HarnessSplit } from './read-harness-rows.ts';
import { pythonRandom } from '../python/python-random.ts';

/** Splits of a task to measure, to profile, and to draw examples from. */
export interface SplitNames {
  readonly test: string;
  readonly calibration: string | null;
  readonly examples: string | null;
  /** Examples are drawn from the measured split, without the item itself. */
  readonly examplesAreMeasured: boolean;
}

/**
 * Chooses the splits. Measured: the test split, else the validation split. Profiled: the training split, else the
 * validation split, else the few-shot split. Examples: the few-shot split, else the training, the validation or the
 * test split.
 *
 * Refuses a split that would be both measured and profiled, and examples from the measured split if
 * lm-evaluation-harness 0.4.13 does not leave out the item itself. It only does so if the few-shot split is named as
 * the test split, or if neither is named.
 */
export const splitNames = (config: HarnessConfig, file: string): SplitNames => {
  const test = config.test_split ?? config.validation_split;
  if (test === undefined)
    throw refuse(
      'bad-task',
      `${file}: neither test_split nor validation_split is named.`,
      'Name the split that is measured.',
    );
  const named = config.fewshot_config?.split ?? config.fewshot_split;
  const calibration =
    config.training_split ??
    (config.test_split === undefined ? undefined : config.validation_split) ??
    (named === test ? undefined : named) ??
    null;
  if (calibration === test) {
    throw refuse(
      'shared-splits',
      `${file}: the split "${test}" is measured, and profiles would be taken from it.`,
      'Name another split: test items must never enter a profile.',
    );
  }
  const examples = named ?? config.training_split ?? config.validation_split ?? test;
  const examplesAreMeasured = examples === test && config.num_fewshot > 0;
  if (examplesAreMeasured && named !== config.test_split) {
    throw refuse(
      'shared-splits',
      `${file}: the split "${test}" is measured, and few-shot examples would be taken from it, the item ` +
        `itself among them.`,
      'Name a fewshot_split that is not measured, or name the measured split as test_split and fewshot_split.',
    );
  }
  return { test, calibration, examples, examplesAreMeasured };
};

/** Source of the examples of each item. */
export interface ExamplePool<T> {
  /** The documents of the few-shot split, in order. */
  readonly documents: readonly T[];
  /** Whether the items are documents of this split: then one more is drawn and the item itself left out. */
  readonly holdsItems: boolean;
  readonly isSame: (one: T, other: T) => boolean;
  /** File and split, for error messages. */
  readonly location: string;
}

/**
 * Draws examples for every item as lm-evaluation-harness 0.4.13 does (api/samplers.py): one generator
 * `random.Random(seed)`, one sample per item in the order of the items. If fewer than `count` are left without the item
 * (the split contains it several times), it draws again from all documents that differ. `order: 'first'` takes the
 * first ones.
 *
 * Refuses more examples than the split has.
 */
export const drawPerItem = <T>(
  items: readonly T[],
  pool: ExamplePool<T>,
  { count, seed, order }: FewShot,
): readonly (readonly T[])[] => {
  const { documents, holdsItems, isSame, location } = pool;
  if (count === 0) return items.map(() => []);
  const needed = holdsItems ? count + 1 : count;
  if (count > MAX_EXAMPLES)
    throw refuse(
      'bad-task',
      `${location}: ${String(count)} few-shot examples are asked for (limit ${String(MAX_EXAMPLES)}).`,
      'Ask for fewer.',
    );
  if (needed > documents.length) {
    throw refuse(
      'bad-task',
      `${location}: ${String(count)} few-shot examples are asked ` +
        `for${holdsItems ? ' beside the item itself' : ''}, and their split has ${String(documents.length)} items.`,
      'Ask for fewer, or give the split more items.',
    );
  }
  const random = pythonRandom(seed);
  const others = (item: T): readonly T[] => documents.filter((document) => !isSame(document, item));
  return items.map((item) => {
    if (order === 'first') return (holdsItems ? others(item) : documents).slice(0, count);
    const drawn = random.sample(documents, needed);
    if (!holdsItems) return drawn;
    const kept = drawn.filter((document) => !isSame(document, item)).slice(0, count);
    if (kept.length === count) return kept;
    const rest = others(item);
    if (rest.length < count)
      throw refuse(
        'bad-task',
        `${location}: ${String(count)} few-shot examples are asked for, and only ${String(rest.length)} differ ` +
          `from an item.`,
        'Ask for fewer.',
      );
    return random.sample(rest, count);
  });
};

/** Items made from the rows of a task document. */
export interface HarnessItems {
  readonly calibration: readonly TaskItem[];
  readonly test: readonly TaskItem[];
  readonly turns: TaskTurns | null;
  readonly notes: readonly string[];
}

/** A row as a question, with choices or with a written answer. */
interface HarnessQuestion {
  readonly id: string;
  readonly row: HarnessRow;
  readonly description: string;
  readonly text: string;
  /** Null for a question with a written answer. */
  readonly choice: { readonly choices: readonly string[]; readonly answer: number } | null;
  /** Right answers; a few-shot example ends with the first. */
  readonly right: readonly string[];
  readonly options: readonly string[] | null;
}

const questionsOf = (
  config: HarnessConfig,
  split: HarnessSplit,
  fields: QuestionFields,
  isSeveral: boolean | null,
): readonly HarnessQuestion[] =>
  split.rows.map((row, index) => {
    const common = {
      id: `${split.name}:${String(index + 1)}`,
      row,
      text: fields.text(row),
      description: fields.description(row),
    };
    if (config.doc_to_choice === undefined) {
      const right = fields.answers(row);
      const several = typeof right !== 'string';
      if (isSeveral !== null && several !== isSeveral) {
        throw refuse(
          'bad-item',
          `${row.location}: doc_to_target gives ${several ? 'a list' : 'one text'}, and the first measured row ` +
            `${isSeveral ? 'a list' : 'one text'}.`,
          'Give every row a list, or none: lm-evaluation-harness follows the first.',
        );
      }
      return {
        ...common,
        choice: null,
        right: typeof right === 'string' ? [right] : right,
        options: fields.options(row),
      };
    }
    const choices = fields.choices(row);
    const answer = fields.answer(row, choices);
    checkChoices({ id: common.id, context: common.text, choices: [...choices], answer }, row.location);
    const right = [choices[answer] ?? ''];
    return config.output_type === 'multiple_choice'
      ? { ...common, choice: { choices, answer }, right, options: null }
      : { ...common, choice: null, right, options: fields.options(row) };
  });

/** Whether two rows are equal, as Python compares dicts. */
const isSameRow = (one: HarnessQuestion, other: HarnessQuestion): boolean => {
  if (one.row === other.row) return true;
  const meter = new WorkMeter();
  return equals(one.row.values, other.row.values, meter);
};

const fewShotOf = (config: HarnessConfig): FewShot => ({
  count: config.num_fewshot,
  seed: config.metadata?.fewshot_seed ?? DEFAULT_SEED,
  order: config.fewshot_config?.sampler === 'first_n' ? 'first' : 'drawn',
});

const describe = ({ count, seed, order }: FewShot, names: SplitNames): string => {
  if (count === 0) return '';
  const which =
    order === 'first'
      ? `the first examples of ${names.examples ?? ''}`
      : `examples of ${names.examples ?? ''}, drawn for each with seed ${String(seed)} as lm-evaluation-harness ` +
        `draws them`;
  const measured = names.examplesAreMeasured
    ? ' They are test items, never the item itself, so calibration items have no examples.'
    : '';
  return `${String(count)}-shot: every item follows ${which}.${measured}`;
};

const turnsOf = (question: HarnessQuestion, examples: readonly HarnessQuestion[]): PromptTurns => ({
  system: question.description,
  examples: examples.map(({ text, right }) => ({ question: text, answer: right[0] ?? '' })),
  question: question.text,
  replies: question.choice?.choices ?? question.right,
});

const writtenItem = (
  question: HarnessQuestion,
  head: string,
  answers: readonly string[],
  stop: StopRule,
): WrittenItem => {
  const item = {
    id: question.id,
    context: head + question.text,
    answers,
    until: stop.until,
    maxNewTokens: stop.maxNewTokens,
  };
  return question.options === null ? item : { ...item, options: question.options };
};

/**
 * Builds the items of a multiple_choice or generate_until task, with contexts as in lm-evaluation-harness 0.4.13. As
 * there, examples of test items are drawn from the whole few-shot split. Examples of calibration items are drawn from
 * its documents that are not test items, and never include the item itself, so that nothing of the test split enters a
 * profile.
 */
export const questionSplits = (
  config: HarnessConfig,
  names: SplitNames,
  fields: QuestionFields,
  split: (name: string) => HarnessSplit,
  file: string,
): HarnessItems => {
  const { target_delimiter: delimiter, fewshot_delimiter: between } = config;
  const stop = stopRuleOf(config);
  const textOf = ({ text, right }: HarnessQuestion): string => text + delimiter + (right[0] ?? '');
  const [firstRow] = split(names.test).rows;
  const isSeveral =
    firstRow === undefined || config.doc_to_choice !== undefined ? null : typeof fields.answers(firstRow) !== 'string';
  const read = new Map<string, readonly HarnessQuestion[]>();
  const questions = (name: string): readonly HarnessQuestion[] => {
    const known = read.get(name) ?? questionsOf(config, split(name), fields, isSeveral);
    read.set(name, known);
    return known;
  };
  const test = questions(names.test);
  const fewShot = fewShotOf(config);
  const clean = (name: string): { readonly kept: readonly HarnessQuestion[]; readonly leftOut: number } =>
    leaveOutTestTexts(questions(name), test, textOf);
  const own = names.calibration === null ? { kept: [], leftOut: 0 } : clean(names.calibration);

  const location = `${file}: ${names.examples ?? ''}`;
  const pool = fewShot.count === 0 || names.examples === null ? [] : questions(names.examples);
  const testExamples = drawPerItem(
    test,
    { documents: pool, holdsItems: names.examplesAreMeasured, isSame: isSameRow, location },
    fewShot,
  );
  const cleanPool =
    pool.length === 0 || names.examples === null || names.examplesAreMeasured ? [] : clean(names.examples).kept;
  const holdsItems = names.examples === names.calibration;
  const isFirst = fewShot.order === 'first' && holdsItems;
  // The first examples precede every item, so they are not calibration items themselves.
  const profiled = isFirst ? own.kept.slice(fewShot.count) : own.kept;
  const calibrationShot = {
    ...fewShot,
    count: cleanPool.length === 0 ? 0 : Math.min(fewShot.count, cleanPool.length - (holdsItems && !isFirst ? 1 : 0)),
  };
  const calibrationExamples = drawPerItem(
    profiled,
    { documents: cleanPool, holdsItems: holdsItems && !isFirst, isSame: isSameRow, location },
    calibrationShot,
  );

  const itemOf = (question: HarnessQuestion, turns: PromptTurns, isCalibration: boolean): TaskItem => {
    const head = plainHead(turns, delimiter, between);
    // A profile reads the text with the delimiter that precedes an answer.
    if (question.choice === null)
      return writtenItem(
        question,
        head,
        isCalibration ? question.right.map((answer) => delimiter + answer) : question.right,
        stop,
      );
    if (
      !delimiterMoves(head + question.text, delimiter) &&
      delimiter !== '' &&
      config.metric_list?.[0]?.metric === 'acc_norm'
    ) {
      throw refuse(
        'unsupported-task',
        `${question.row.location}: acc_norm with the target_delimiter ` +
          `${JSON.stringify(delimiter)}${delimiter.trim() === '' ? ' after an empty text' : ''} is not ` +
          'supported: its characters would count.',
        'Use acc, or write the delimiter at the end of doc_to_text and set target_delimiter to "".',
      );
    }
    return assembleItem({ id: question.id, text: question.text, ...question.choice }, head, delimiter);
  };
  const turnsIn = (
    items: readonly HarnessQuestion[],
    examples: readonly (readonly HarnessQuestion[])[],
  ): readonly PromptTurns[] => items.map((item, index) => turnsOf(item, examples[index] ?? []));
  const itemsIn = (
    items: readonly HarnessQuestion[],
    turns: readonly PromptTurns[],
    isCalibration: boolean,
  ): readonly TaskItem[] =>
    items.flatMap((item, index) => {
      const own_ = turns[index];
      return own_ === undefined ? [] : [itemOf(item, own_, isCalibration)];
    });
  const turns = { calibration: turnsIn(profiled, calibrationExamples), test: turnsIn(test, testExamples) };
  return {
    calibration: itemsIn(profiled, turns.calibration, true),
    test: itemsIn(test, turns.test, false),
    turns,
    notes: [describe(fewShot, names), describeLeftOut(own.leftOut)],
  };
};
