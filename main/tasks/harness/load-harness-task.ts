import { basename } from 'node:path';
import { refuse } from '../../contract/errors.ts';
import type { MetricName, TextItem } from '../../contract/task.ts';
import { compileJudging, requireOptions } from '../generation/judging.ts';
import { describeLeftOut, hashTask, leaveOutTestTexts } from '../items.ts';
import { isWrittenItem, type Task } from '../task.ts';
import { WorkMeter } from '../template/work-meter.ts';
import { type HarnessConfig, judgingRuleOf, parseHarnessConfig, readHarnessYaml } from './harness-config.ts';
import { questionFields, type QuestionFields } from './question-fields.ts';
import { type HarnessItems, questionSplits, splitNames, type SplitNames } from './question-splits.ts';
import { type HarnessSplit, readHarnessSplits } from './read-harness-rows.ts';

const textSplits = (
  config: HarnessConfig,
  names: SplitNames,
  fields: QuestionFields,
  split: (name: string) => HarnessSplit,
  file: string,
): HarnessItems => {
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
        throw refuse('bad-item', `${row.location}: doc_to_target of ${file} gives an empty text.`, 'Remove the row.');
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
    turns: null,
    notes: ['Perplexity is per token, even if the file asks for words or bytes.', describeLeftOut(leftOut)],
  };
};

const metricOf = (config: HarnessConfig): MetricName => {
  if (config.output_type === 'loglikelihood_rolling') return 'perplexity';
  if (config.output_type === 'generate_until') return 'exact_match';
  return config.metric_list?.[0]?.metric === 'acc_norm' ? 'acc_norm' : 'acc';
};

/**
 * Loads a task document of lm-evaluation-harness in the subset of harness-config.ts, with JSONL or Parquet files beside
 * it. Contexts, few-shot examples and choices equal those of 0.4.13 with its default seed (1234; `metadata:
 * {fewshot_seed}` names another) character for character. question-splits.ts says which splits are measured
 * and profiled.
 */
export const loadHarnessTask = async (file: string): Promise<Task> => {
  const config = parseHarnessConfig(await readHarnessYaml(file), file);
  const metric = metricOf(config);
  const judging = metric === 'exact_match' ? compileJudging(judgingRuleOf(config), file) : null;
  const names = splitNames(config, file);
  const used = [names.test, names.calibration, config.num_fewshot === 0 ? null : names.examples].filter(
    (name) => name !== null,
  );
  const splits = await readHarnessSplits(config, used, file);
  const split = (name: string): HarnessSplit => splits.get(name) ?? { name, rows: [], columns: new Set() };
  const fields = questionFields(config, split(names.test).columns, file, new WorkMeter());
  const { calibration, test, turns, notes } = (metric === 'perplexity' ? textSplits : questionSplits)(
    config,
    names,
    fields,
    split,
    file,
  );
  if (judging !== null) requireOptions(judging.rule, [...test, ...calibration].filter(isWrittenItem), file);
  const calibrationWords =
    names.calibration === null ? 'and there is no calibration split' : `"${names.calibration}" the calibration split`;
  const which = `Task document of lm-evaluation-harness: "${names.test}" is the test split, ${calibrationWords}.`;
  const task: Task = {
    name: config.task,
    title: config.task,
    description: [which, ...notes].filter((note) => note !== '').join(' '),
    metric,
    source: basename(file),
    licence: '',
    calibration,
    test,
    turns,
    hash: hashTask(metric, calibration, test, judging?.rule),
    path: file,
  };
  return judging === null ? task : { ...task, judging };
};
