import { LineCounter, parseDocument, type Tags } from 'yaml';
import { z } from 'zod';
import { refuse } from '../../contract/errors.ts';
import { readTextFile } from '../read-rows.ts';

/** Keys that change nothing here: names for lists of tasks, and what only decontamination reads. */
const IGNORED = new Set(['task_alias', 'tag', 'should_decontaminate', 'doc_to_decontamination_query']);

/** What to do about the keys that people meet most. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ['group', 'Open the tasks of the group one by one.'],
  ['aggregate_metric_list', 'Open the tasks of the group one by one.'],
  ['include', 'Copy the keys of the included file into this one.'],
  ['process_docs', 'Process the data once and store the result as JSONL or Parquet.'],
  ['process_results', 'Use metric acc or acc_norm, or one of the perplexities.'],
  ['generation_kwargs', 'Only multiple choice and texts are scored here, nothing is generated.'],
  ['filter_list', 'Only multiple choice and texts are scored here, nothing is generated.'],
  ['dataset_name', 'Set dataset_path to json or parquet, and name the files under dataset_kwargs: data_files.'],
  ['custom_dataset', 'Set dataset_path to json or parquet, and name the files under dataset_kwargs: data_files.'],
  ['use_prompt', 'Write the prompt out as doc_to_text, doc_to_choice and doc_to_target.'],
  ['gen_prefix', 'Write the prefix at the end of doc_to_text.'],
  ['unsafe_code', 'Remove it: no code is run here.'],
  ['class', 'Write the task out as doc_to_text, doc_to_choice and doc_to_target.'],
]);
const SUBSET =
  'A task here has dataset_path json or parquet with data_files beside it, output_type multiple_choice or loglikelihood_rolling, ' +
  'doc_to_text, doc_to_choice and doc_to_target as columns or plain Jinja, and metrics acc, acc_norm or a perplexity.';

const files = z.union([z.string(), z.array(z.string()).min(1)]);
const metric = z.strictObject({
  metric: z.enum(['acc', 'acc_norm', 'word_perplexity', 'byte_perplexity', 'bits_per_byte']),
  aggregation: z.enum(['mean', 'weighted_perplexity', 'bits_per_byte']).optional(),
  higher_is_better: z.boolean().optional(),
});
/** A column, a template, or a constant. */
const field = z.union([z.string(), z.number().int().nonnegative()]);

const harnessConfig = z.strictObject({
  task: z.string().min(1),
  dataset_path: z.enum(['json', 'parquet']),
  dataset_kwargs: z.strictObject({ data_files: z.union([files, z.record(z.string(), files)]) }),
  output_type: z.enum(['multiple_choice', 'loglikelihood_rolling']),
  training_split: z.string().optional(),
  validation_split: z.string().optional(),
  test_split: z.string().optional(),
  fewshot_split: z.string().optional(),
  fewshot_config: z
    .strictObject({ sampler: z.enum(['default', 'first_n']).default('default'), split: z.string().optional() })
    .optional(),
  num_fewshot: z.number().int().nonnegative().default(0),
  doc_to_text: z.string().default(''),
  doc_to_choice: z.union([z.string(), z.array(z.string()), z.record(z.string(), z.string())]).optional(),
  doc_to_target: field,
  description: z.string().default(''),
  target_delimiter: z.string().default(' '),
  fewshot_delimiter: z.string().default('\n\n'),
  metric_list: z.array(metric).min(1).optional(),
  repeats: z.literal(1).optional(),
  metadata: z.looseObject({ fewshot_seed: z.number().int().nonnegative().optional() }).optional(),
});
export type HarnessConfig = z.infer<typeof harnessConfig>;

/** The keys of a YAML task, checked. Refuses by name every key and value outside the subset; null is as if absent. */
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
  const misfit = data.metric_list?.find(
    ({ metric: name }) => name.startsWith('acc') !== (data.output_type === 'multiple_choice'),
  );
  if (misfit !== undefined)
    throw refuse(
      'metric-does-not-fit',
      `${file}: metric_list: ${misfit.metric} does not fit output_type ${data.output_type}.`,
      'Use acc or acc_norm for multiple_choice, a perplexity for loglikelihood_rolling.',
    );
  return data;
};

/** A task document is a page of keys; data belongs in files beside it. */
const MAX_CHARACTERS = 2 ** 20;
/** Aliases that repeat aliases grow without bound. */
const MAX_ALIASES = 100;

const TRUE = /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/;
const FALSE = /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/;

/** YAML 1.1 also reads y and n as truth values; Python's reader does not, and they are names of columns. */
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
 * A YAML file as lm-evaluation-harness's reader takes it (YAML 1.1: yes and no are truth values). Tags are refused by
 * name: `!function` names Python code, which is never run here.
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
  const document = parseDocument(text, {
    version: '1.1',
    lineCounter: lines,
    prettyErrors: false,
    customTags: asPythonReads,
  });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const place = `${file}, line ${String(lines.linePos(problem.pos[0]).line)}`;
    const tag = problem.code === 'TAG_RESOLVE_FAILED' ? /^\S*/.exec(text.slice(problem.pos[0]))?.[0] : undefined;
    if (tag === undefined)
      throw refuse('bad-task', `${place}: not YAML (${problem.message}).`, 'Repair the file.', problem);
    throw refuse(
      'unsupported-task',
      `${place}: the tag ${tag} is not supported${tag === '!function' ? ': it names Python code, which is not run here' : ''}.`,
      'Write it as a template or a column, or store what the code gives in the data.',
    );
  }
  let values: unknown;
  try {
    values = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
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
