import { LineCounter, parseDocument, type Tags } from 'yaml';
import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from '../../contract/bounds.ts';
import { refuse, WorkbenchError } from '../../contract/errors.ts';
import { exactMatchOptions, filterPipeline } from '../../contract/task.ts';
import { withinDeadline } from '../../files/within-deadline.ts';
import { DEFAULT_PIPELINES, type JudgingRule } from '../generation/judging.ts';
import { DEFAULT_NEW_TOKENS, type StopRule } from '../generation/stop-rule.ts';
import { readTextFile } from '../read-rows.ts';

/** Keys without effect here: names for lists of tasks, and settings of decontamination. */
const IGNORED = new Set(['task_alias', 'tag', 'should_decontaminate', 'doc_to_decontamination_query']);

/** Remedies for the most common keys. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ['group', 'Open the tasks of the group one by one.'],
  ['aggregate_metric_list', 'Open the tasks of the group one by one.'],
  ['include', 'Copy the keys of the included file into this one.'],
  ['process_docs', 'Process the data once and store the result as JSONL or Parquet.'],
  ['process_results', 'Use metric acc, acc_norm or exact_match, or one of the perplexities.'],
  ['dataset_name', 'Set dataset_path to json or parquet, and name the files under dataset_kwargs: data_files.'],
  ['custom_dataset', 'Set dataset_path to json or parquet, and name the files under dataset_kwargs: data_files.'],
  ['use_prompt', 'Write the prompt out as doc_to_text, doc_to_choice and doc_to_target.'],
  ['gen_prefix', 'Write the prefix at the end of doc_to_text.'],
  ['unsafe_code', 'Remove it: no code is run here.'],
  ['class', 'Write the task out as doc_to_text, doc_to_choice and doc_to_target.'],
]);
const SUBSET =
  'A task here has dataset_path json or parquet with data_files beside it, output_type multiple_choice, ' +
  'generate_until or loglikelihood_rolling, ' +
  'doc_to_text, doc_to_choice and doc_to_target as columns or plain Jinja, and metrics acc, acc_norm, ' +
  'exact_match or a perplexity.';

const files = z.union([boundedText, boundedList(boundedText).min(1)]);
const metric = z.strictObject({
  metric: z.enum(['acc', 'acc_norm', 'word_perplexity', 'byte_perplexity', 'bits_per_byte', 'exact_match']),
  ...exactMatchOptions.shape,
  aggregation: z.enum(['mean', 'weighted_perplexity', 'bits_per_byte']).optional(),
  higher_is_better: z.boolean().optional(),
});
const newTokens = z.number().int().positive().optional();
/** Greedy decoding. A temperature only has an effect if do_sample is not false. */
const generation = z.strictObject({
  until: z
    .union([boundedText.min(1, 'a stop string is empty'), boundedList(boundedText.min(1, 'a stop string is empty'))])
    .optional(),
  do_sample: z.literal(false, 'only greedy decoding is supported').optional(),
  temperature: z.number().optional(),
  max_gen_toks: newTokens,
  max_new_tokens: newTokens,
  max_tokens: newTokens,
  max_completion_tokens: newTokens,
});

/** A column, a template, or a constant. */
const field = z.union([boundedText, z.number().int().nonnegative()]);

const harnessConfig = z.strictObject({
  task: boundedText.min(1),
  dataset_path: z.enum(['json', 'parquet']),
  dataset_kwargs: z.strictObject({ data_files: z.union([files, boundedRecord(boundedText, files)]) }),
  output_type: z.enum(['multiple_choice', 'loglikelihood_rolling', 'generate_until']),
  training_split: boundedText.optional(),
  validation_split: boundedText.optional(),
  test_split: boundedText.optional(),
  fewshot_split: boundedText.optional(),
  fewshot_config: z
    .strictObject({ sampler: z.enum(['default', 'first_n']).default('default'), split: boundedText.optional() })
    .optional(),
  num_fewshot: z.number().int().nonnegative().default(0),
  doc_to_text: boundedText.default(''),
  doc_to_choice: z.union([boundedText, boundedList(boundedText), boundedRecord(boundedText, boundedText)]).optional(),
  doc_to_target: field,
  description: boundedText.default(''),
  target_delimiter: boundedText.default(' '),
  fewshot_delimiter: boundedText.default('\n\n'),
  generation_kwargs: generation.optional(),
  filter_list: boundedList(filterPipeline).min(1).optional(),
  metric_list: boundedList(metric).min(1).optional(),
  repeats: z.literal(1).optional(),
  metadata: z.looseObject({ fewshot_seed: z.number().int().nonnegative().optional() }).optional(),
});
export type HarnessConfig = z.infer<typeof harnessConfig>;

/** Checks the keys of a YAML task. Refuses, by name, every key and value outside the subset; null counts as absent. */
export const parseHarnessConfig = (values: Readonly<Record<string, unknown>>, file: string): HarnessConfig => {
  if (Array.isArray(values['task']))
    throw refuse(
      'unsupported-task',
      `${file}: task is a list, so this is a group of tasks.`,
      'Open the tasks of the group one by one.',
    );
  const used = Object.entries(values).filter(([key, value]) => value !== null && !IGNORED.has(key));
  for (const [key] of used) {
    if (!Object.hasOwn(harnessConfig.shape, key))
      throw refuse('unsupported-task', `${file}: the key "${key}" is not supported.`, REMEDIES.get(key) ?? SUBSET);
  }
  const parsed = harnessConfig.safeParse(Object.fromEntries(used));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path.join('.') ?? '';
    const [key = ''] = path.split('.');
    const found = values[key];
    const what = typeof found === 'string' || typeof found === 'number' ? ` It is ${JSON.stringify(found)}.` : '';
    const remedy =
      key === 'dataset_path'
        ? (REMEDIES.get('dataset_name') ?? SUBSET)
        : key === 'doc_to_choice'
          ? 'Choices are texts: write yes, no, numbers and the like in quotation marks.'
          : SUBSET;
    throw refuse(
      'unsupported-task',
      `${file}: ${path === '' ? 'task' : path}: ${issue?.message ?? 'not supported'}.${what}`,
      remedy,
    );
  }
  const { data } = parsed;
  if (data.output_type === 'multiple_choice' && data.doc_to_choice === undefined)
    throw refuse('unsupported-task', `${file}: doc_to_choice is missing.`, SUBSET);
  checkMetrics(data, file);
  checkGeneration(data, file);
  return data;
};

type MetricEntry = z.infer<typeof metric>;
const kindOf = (name: MetricEntry['metric']): HarnessConfig['output_type'] =>
  name === 'exact_match' ? 'generate_until' : name.startsWith('acc') ? 'multiple_choice' : 'loglikelihood_rolling';

const checkMetrics = ({ metric_list: metrics = [], output_type: kind }: HarnessConfig, file: string): void => {
  const misfit = metrics.find(({ metric: name }) => kindOf(name) !== kind);
  if (misfit !== undefined) {
    throw refuse(
      'metric-does-not-fit',
      `${file}: metric_list: ${misfit.metric} does not fit output_type ${kind}.`,
      'Use acc or acc_norm for multiple_choice, exact_match for generate_until, a perplexity for ' +
        'loglikelihood_rolling.',
    );
  }
  const option = metrics.flatMap((entry) =>
    entry.metric === 'exact_match' ? [] : EXACT_MATCH_KEYS.filter((key) => entry[key] !== undefined),
  )[0];
  if (option !== undefined)
    throw refuse('unsupported-task', `${file}: metric_list: ${option} only applies to exact_match.`, SUBSET);
};

const EXACT_MATCH_KEYS = ['regexes_to_ignore', 'ignore_case', 'ignore_punctuation', 'ignore_numbers'] as const;

/** Checks the keys that only apply to generated texts. */
const checkGeneration = (config: HarnessConfig, file: string): void => {
  const { generation_kwargs: given, filter_list: filters, output_type: kind } = config;
  const used = given !== undefined ? 'generation_kwargs' : filters !== undefined ? 'filter_list' : null;
  if (kind !== 'generate_until' && used !== null)
    throw refuse(
      'unsupported-task',
      `${file}: ${used} does not fit output_type ${kind}.`,
      'Use output_type generate_until, or remove the key.',
    );
  if (given?.do_sample === undefined && given?.temperature !== undefined && given.temperature !== 0) {
    throw refuse(
      'unsupported-task',
      `${file}: generation_kwargs.temperature is ${String(given.temperature)}, so tokens would be sampled.`,
      'Set do_sample to false: only greedy decoding is supported.',
    );
  }
};

/** When decoding stops, with lm-evaluation-harness's defaults. */
export const stopRuleOf = ({ generation_kwargs: given, fewshot_delimiter: delimiter }: HarnessConfig): StopRule => {
  const until = given?.until ?? delimiter;
  return {
    until: typeof until === 'string' ? [until] : until,
    maxNewTokens:
      given?.max_gen_toks ??
      given?.max_new_tokens ??
      given?.max_tokens ??
      given?.max_completion_tokens ??
      DEFAULT_NEW_TOKENS,
  };
};

/** How generated text is judged: filters, and options of exact_match. */
export const judgingRuleOf = ({ filter_list: pipelines, metric_list: metrics = [] }: HarnessConfig): JudgingRule => {
  const {
    metric: _metric,
    aggregation: _aggregation,
    higher_is_better: _higher,
    ...exactMatch
  } = metrics[0] ?? { metric: 'exact_match' };
  return { pipelines: pipelines ?? DEFAULT_PIPELINES, exactMatch };
};

/** A task document is a page of keys; data belongs in files beside it. */
const MAX_CHARACTERS = 2 ** 20;
/** Nested aliases can expand without bound. */
const MAX_ALIASES = 100;
/** Ample time for a file of a megabyte, even on a busy machine. */
const PARSING_MS = 20_000;
/** The parser recurses for nested brackets. */
const DEEP_FLOW = /(?:[[{]\s*){100}/;

const TRUE = /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/;
const FALSE = /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/;

/** YAML 1.1 also reads y and n as booleans; Python's reader does not, and they are used as column names. */
const asPythonReads = (tags: Tags): Tags =>
  tags.map((tag) => {
    if (
      typeof tag === 'string' ||
      tag.tag !== 'tag:yaml.org,2002:bool' ||
      tag.collection !== undefined ||
      tag.test === undefined
    )
      return tag;
    return { ...tag, test: tag.test.test('true') ? TRUE : FALSE };
  });

/**
 * Reads a YAML file like lm-evaluation-harness's reader (YAML 1.1: yes and no are booleans). Refuses tags by name:
 * `!function` names Python code, which is never run here.
 */
export const readHarnessYaml = async (file: string): Promise<Readonly<Record<string, unknown>>> => {
  const text = await readTextFile(file);
  if (text.length > MAX_CHARACTERS)
    throw refuse(
      'task-too-large',
      `${file} has ${String(text.length)} characters (limit ${String(MAX_CHARACTERS)}).`,
      'Move the data into files of their own.',
    );
  const lines = new LineCounter();
  const inTime = <T>(work: () => T): T =>
    withinDeadline(
      PARSING_MS,
      () => refuse('bad-task', `${file} was not read in ${String(PARSING_MS / 1000)} s.`, 'Write it more simply.'),
      work,
    );
  if (DEEP_FLOW.test(text))
    throw refuse('bad-task', `${file}: values are nested deeper than 100.`, 'Write it more simply.');
  const document = inTime(() =>
    parseDocument(text, { version: '1.1', lineCounter: lines, prettyErrors: false, customTags: asPythonReads }),
  );
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const location = `${file}, line ${String(lines.linePos(problem.pos[0]).line)}`;
    const tag = problem.code === 'TAG_RESOLVE_FAILED' ? /^\S*/.exec(text.slice(problem.pos[0]))?.[0] : undefined;
    if (tag === undefined)
      throw refuse('bad-task', `${location}: not YAML (${problem.message}).`, 'Repair the file.', problem);
    throw refuse(
      'unsupported-task',
      `${location}: the tag ${tag} is not ` +
        `supported${tag === '!function' ? ': it names Python code, which is not run here' : ''}.`,
      'Write it as a template or a column, or store the results of the code in the data.',
    );
  }
  let values: unknown;
  try {
    values = inTime((): unknown => document.toJS({ maxAliasCount: MAX_ALIASES }));
  } catch (cause) {
    if (cause instanceof WorkbenchError) throw cause;
    throw refuse(
      'bad-task',
      `${file}: ${cause instanceof Error ? cause.message : String(cause)}.`,
      'Write the values out.',
      cause,
    );
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw refuse(
      'bad-task',
      `${file}: not a list of keys and values.`,
      'A task is keys such as task, dataset_path and doc_to_text.',
    );
  return Object.fromEntries(Object.entries(values));
};
