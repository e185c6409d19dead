import { z } from 'zod';
import { refuse } from '../../contract/errors.ts';

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
  fewshot_config: z.strictObject({ sampler: z.enum(['default', 'first_n']).default('default'), split: z.string().optional() }).optional(),
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
  if (Array.isArray(values['task'])) throw refuse('unsupported-task', `${file}: task is a list, so this is a group of tasks.`, 'Open the tasks of the group one by one.');
  const used = Object.entries(values).filter(([key, value]) => value !== null && !IGNORED.has(key));
  for (const [key] of used) {
    if (!Object.hasOwn(harnessConfig.shape, key)) throw refuse('unsupported-task', `${file}: the key "${key}" is not supported.`, REMEDIES.get(key) ?? SUBSET);
  }
  const parsed = harnessConfig.safeParse(Object.fromEntries(used));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path.join('.') ?? '';
    const [key = ''] = path.split('.');
    const found = values[key];
    const what = typeof found === 'string' || typeof found === 'number' ? ` It is ${JSON.stringify(found)}.` : '';
    const remedy = key === 'dataset_path' ? (REMEDIES.get('dataset_name') ?? SUBSET) : key === 'doc_to_choice' ? 'Choices are texts: write yes, no, numbers and the like in quotation marks.' : SUBSET;
    throw refuse('unsupported-task', `${file}: ${path === '' ? 'task' : path}: ${issue?.message ?? 'not supported'}.${what}`, remedy);
  }
  const { data } = parsed;
  if (data.output_type === 'multiple_choice' && data.doc_to_choice === undefined) throw refuse('unsupported-task', `${file}: doc_to_choice is missing.`, SUBSET);
  const misfit = data.metric_list?.find(({ metric: name }) => name.startsWith('acc') !== (data.output_type === 'multiple_choice'));
  if (misfit !== undefined) throw refuse('metric-does-not-fit', `${file}: metric_list: ${misfit.metric} does not fit output_type ${data.output_type}.`, 'Use acc or acc_norm for multiple_choice, a perplexity for loglikelihood_rolling.');
  return data;
};
