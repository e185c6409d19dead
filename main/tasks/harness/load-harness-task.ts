import { basename } from 'node:path';
import { refuse } from '../../contract/errors.ts';
import type { MetricName, TaskItem, TextItem } from '../../contract/task.ts';
import { answeredText, assembleItem, delimiterMoves, type Question } from '../assemble-item.ts';
import { DEFAULT_SEED, describeFewShot, drawExamples, type FewShot } from '../few-shot.ts';
import { checkChoices, describeLeftOut, type Disjoint, hashTask, leaveOutTestTexts } from '../items.ts';
import type { Task } from '../task.ts';
import { WorkMeter } from '../template/work-meter.ts';
import { type HarnessConfig, parseHarnessConfig, readHarnessYaml } from './harness-config.ts';
import { questionFields, type QuestionFields } from './question-fields.ts';
import { type HarnessSplit, readHarnessSplits } from './read-harness-rows.ts';

/** The splits of a task: what is measured, what is profiled, and where examples come from. */
interface SplitNames {
  readonly test: string;
  readonly calibration: string | null;
  readonly examples: string | null;
}

const splitNames = (config: HarnessConfig, file: string): SplitNames => {
  const test = config.test_split ?? config.validation_split;
  if (test === undefined)
    throw refuse(
      'bad-task',
      `${file}: neither test_split nor validation_split is named.`,
      'Name the split that is measured.',
    );
  const named = config.fewshot_config?.split ?? config.fewshot_split ?? null;
  const calibration =
    config.training_split ?? (config.test_split === undefined ? undefined : config.validation_split) ?? named;
  if (calibration === test || named === test) {
    throw refuse(
      'shared-splits',
      `${file}: the split "${test}" is measured, and ${named === test ? 'few-shot examples' : 'profiles'} would be taken from it.`,
      'Name another split: test items must never enter a profile or a prompt.',
    );
  }
  return { test, calibration, examples: named ?? calibration };
};

/** A question with what stands before it. */
interface HarnessQuestion extends Question {
  readonly description: string;
  readonly place: string;
}

const questionsOf = (split: HarnessSplit, fields: QuestionFields): readonly HarnessQuestion[] =>
  split.rows.map((row, index) => {
    const choices = fields.choices(row);
    const question = {
      id: `${split.name}:${String(index + 1)}`,
      text: fields.text(row),
      choices,
      answer: fields.answer(row, choices),
      description: fields.description(row),
      place: row.place,
    };
    checkChoices({ ...question, context: question.text, choices: [...choices] }, row.place);
    return question;
  });

interface Splits {
  readonly calibration: readonly TaskItem[];
  readonly test: readonly TaskItem[];
  readonly notes: readonly string[];
}

const choiceSplits = (
  config: HarnessConfig,
  names: SplitNames,
  fields: QuestionFields,
  split: (name: string) => HarnessSplit,
  file: string,
): Splits => {
  const { target_delimiter: delimiter, fewshot_delimiter: between } = config;
  const textOf = (question: Question): string => answeredText(question, delimiter);
  const test = questionsOf(split(names.test), fields);
  const disjoint = (name: string | null): Disjoint<HarnessQuestion> =>
    name === null ? { kept: [], leftOut: 0 } : leaveOutTestTexts(questionsOf(split(name), fields), test, textOf);
  const calibration = disjoint(names.calibration);
  const pool = names.examples === names.calibration ? calibration.kept : disjoint(names.examples).kept;
  const fewShot: FewShot = {
    count: config.num_fewshot,
    seed: config.metadata?.fewshot_seed ?? DEFAULT_SEED,
    order: config.fewshot_config?.sampler === 'first_n' ? 'first' : 'drawn',
  };
  const { examples, rest } = drawExamples(pool, fewShot, file);
  const prefix = examples.map((example) => textOf(example) + between).join('');
  const itemOf = (question: HarnessQuestion): TaskItem => {
    const head = question.description + prefix;
    if (!delimiterMoves(head + question.text, delimiter) && delimiter !== '' && metricOf(config) === 'acc_norm') {
      throw refuse(
        'unsupported-task',
        `${question.place}: acc_norm with the target_delimiter ${JSON.stringify(delimiter)}${delimiter.trim() === '' ? ' after an empty text' : ''} is not supported: its characters would count.`,
        'Use acc, or write the delimiter at the end of doc_to_text and set target_delimiter to "".',
      );
    }
    return assembleItem(question, head, delimiter);
  };
  const profiled = names.examples === names.calibration ? rest : calibration.kept;
  return {
    calibration: profiled.map(itemOf),
    test: test.map(itemOf),
    notes: [describeFewShot(fewShot, names.examples ?? ''), describeLeftOut(calibration.leftOut)],
  };
};

const textSplits = (
  config: HarnessConfig,
  names: SplitNames,
  fields: QuestionFields,
  split: (name: string) => HarnessSplit,
  file: string,
): Splits => {
  if (config.num_fewshot > 0)
    throw refuse(
      'unsupported-task',
      `${file}: num_fewshot is ${String(config.num_fewshot)} for texts.`,
      'Set it to 0: a text has no examples.',
    );
  const itemsOf = (name: string): readonly TextItem[] =>
    split(name).rows.map((row, index) => {
      const text = fields.target(row);
      if (text === '')
        throw refuse('bad-item', `${row.place}: doc_to_target of ${file} gives an empty text.`, 'Leave the row out.');
      return { id: `${name}:${String(index + 1)}`, text };
    });
  const test = itemsOf(names.test);
  const { kept, leftOut } = leaveOutTestTexts(
    names.calibration === null ? [] : itemsOf(names.calibration),
    test,
    ({ text }) => text,
  );
  return {
    calibration: kept,
    test,
    notes: ['Perplexity is per token, also where the file asks for words or bytes.', describeLeftOut(leftOut)],
  };
};

const metricOf = (config: HarnessConfig): MetricName => {
  if (config.output_type === 'loglikelihood_rolling') return 'perplexity';
  return config.metric_list?.[0]?.metric === 'acc_norm' ? 'acc_norm' : 'acc';
};

/**
 * A task document of lm-evaluation-harness in the subset of harness-config.ts, over JSONL or Parquet files beside it:
 * contexts and choices are character for character those that 0.4.13 builds. The test split (else the validation split)
 * is measured; the training split (else the validation split, else the few-shot split) is profiled. Few-shot examples
 * are drawn once, by `metadata: {fewshot_seed}` or 1234, and are the same for all items; the harness draws anew for each.
 */
export const loadHarnessTask = async (file: string): Promise<Task> => {
  const config = parseHarnessConfig(await readHarnessYaml(file), file);
  const names = splitNames(config, file);
  const used = [names.test, names.calibration, config.num_fewshot === 0 ? null : names.examples].filter(
    (name) => name !== null,
  );
  const splits = await readHarnessSplits(config, used, file);
  const split = (name: string): HarnessSplit => splits.get(name) ?? { name, rows: [], columns: new Set() };
  const fields = questionFields(config, split(names.test).columns, file, new WorkMeter());
  const { calibration, test, notes } = (config.output_type === 'multiple_choice' ? choiceSplits : textSplits)(
    config,
    names,
    fields,
    split,
    file,
  );
  const metric = metricOf(config);
  const which = `Task document of lm-evaluation-harness: "${names.test}" is the test split, ${names.calibration === null ? 'and there is no calibration split' : `"${names.calibration}" the calibration split`}.`;
  return {
    name: config.task,
    title: config.task,
    description: [which, ...notes].filter((note) => note !== '').join(' '),
    metric,
    source: basename(file),
    licence: '',
    calibration,
    test,
    hash: hashTask(metric, calibration, test),
    path: file,
  };
};
