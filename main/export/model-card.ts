import { familyOf } from '../checkpoint/families/families.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ExportFormat, RoundedType, PredictionChoice, Verification } from '../contract/export.ts';
import { constantsOf, expertTypesOf, isMergePlan, type Plan, type PlanCost } from '../contract/plan.ts';
import type { SweepResult } from '../contract/sweep.ts';
import { bareFactor } from '../words/numbers.ts';
import { EXPORT_CHECK, refereeWords, transformersWords } from '../words/referee.ts';
import { planStandingText } from '../words/verdicts.ts';
import { ATTENTION_MASK, INPUT_IDS, LOGITS } from '../graph/whole-model.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { besideNotes, servingNotes } from './check-export.ts';
import { GGUF_FILE } from './gguf/gguf-file.ts';
import { ONNX_DATA_FILE, ONNX_FILE } from './onnx-files.ts';

/** Facts about the plan beside the plan itself. */
export interface CardFacts {
  /** Points of the sweep by which the plan was chosen, each compared with the unpruned model on the same items. */
  readonly curve: readonly SweepResult[];
  /** Results of sweeps for exactly this plan, one per task. */
  readonly measured: readonly SweepResult[];
  /** Why results of other sweeps for this plan are not shown: they were not measured here. */
  readonly leftOut: readonly string[];
  /** Sentences on tasks where truncation was measured with the unpruned model. */
  readonly truncation?: readonly string[];
  /** Version of the workbench. */
  readonly version: string;
}

export interface CardContents {
  readonly name: string;
  readonly checkpoint: Checkpoint;
  readonly plan: Plan;
  readonly verification: Verification;
  readonly format: ExportFormat;
  /** How extra prediction layers were treated. */
  readonly mtp: PredictionChoice;
  readonly warnings: readonly string[];
  /** Type of a GGUF file's weights or as which a folder was quantised, `stored` for a pruned GGUF file; null: none. */
  readonly weights: RoundedType | 'stored' | null;
  readonly hasTokenizer: boolean;
  /** Lines of the source's own card that name its licence. */
  readonly licence: readonly string[];
  readonly facts: CardFacts | null;
}

/** README.md of an export: what was pruned and how, the remaining experts, the verification, and how to load it. */
export const modelCard = (contents: CardContents): string =>
  [
    frontMatter(contents),
    `# ${plain(contents.name)}`,
    summary(contents),
    '## How it was made',
    provenance(contents),
    '## Experts per layer',
    experts(contents.plan),
    ...(contents.facts === null ? [] : ['## What pruning costs', ...costs(contents.facts)]),
    ...beside(contents),
    '## Verification',
    verified(contents),
    ...(contents.verification.referee === undefined
      ? []
      : [plain(refereeWords(contents.verification.referee, 'the export'))]),
    ...compared(contents),
    '## Loading it',
    loading(contents),
    ...serving(contents),
  ].join('\n\n') + '\n';

const hasGraph = (format: ExportFormat): boolean => format === 'onnx' || format === 'hf,onnx';
const isCheckpoint = (format: ExportFormat): boolean => format === 'hf' || format === 'hf,onnx';

const frontMatter = ({ checkpoint, licence, format }: CardContents): string =>
  [
    '---',
    // The Hub takes only names of repositories: a folder's name would be refused, or name another model.
    ...(checkpoint.published === null ? [] : [`base_model: ${checkpoint.published.repository}`]),
    ...licence,
    ...(isCheckpoint(format) ? ['library_name: transformers'] : []),
    ...['pipeline_tag: text-generation', 'tags:', '- mixture-of-experts', '- expert-pruning'],
    ...(hasGraph(format) ? ['- onnx'] : []),
    ...(format === 'gguf' ? ['- gguf'] : []),
    '---',
  ].join('\n');

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const percent = (part: number, of: number): string => `${((100 * part) / of).toFixed(1)} %`;
/** Foreign text for Markdown: on one line, without HTML elements, images or links. */
const plain = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[[\]]/g, '\\$&')
    .replaceAll(/\s/g, ' ');
const cell = (value: string): string => plain(value).replaceAll('|', '\\|');
const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

const summary = ({ checkpoint, plan }: CardContents): string => {
  const cost = planCost(checkpoint.info, plan);
  const { info, name, fingerprint, identity, published } = checkpoint;
  const commit = published === null ? '' : `commit \`${published.commit}\`, `;
  const change = changeOf(plan, cost);
  const { before, parameters } = cost;
  return (
    `${plain(name)} (${info.family}, ${commit}fingerprint \`${fingerprint}\`, SHA-256 of its files ` +
    `\`${identity}\`) with the ${info.experts} experts of each of its ` +
    `${info.moeLayers} MoE layers ${change}: ` +
    `pruning factor ${bareFactor(info.experts / mean(cost.keptPerLayer))}. ` +
    `Each token still uses the top ${cost.topK}.\n\n` +
    table(
      ['parameters', 'before', 'after', 'left'],
      [
        ['all', whole(before.total), whole(parameters.total), percent(parameters.total, before.total)],
        ['in experts', whole(before.expert), whole(parameters.expert), percent(parameters.expert, before.expert)],
        ['active per token', whole(before.active), whole(parameters.active), percent(parameters.active, before.active)],
      ],
    )
  );
};

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / Math.max(1, numbers.length);

const changeOf = (plan: Plan, { keptPerLayer }: PlanCost): string => {
  const counts = [...new Set(keptPerLayer)];
  const kept = counts.length === 1 ? String(counts[0]) : `${minOf(counts)} to ${maxOf(counts)}`;
  if (isMergePlan(plan)) return `merged into ${kept}`;
  return plan.constants === undefined ? `pruned to ${kept}` : `pruned to ${kept}, the others replaced by constants`;
};

const provenance = ({ plan, facts }: CardContents): string => {
  const rows: (readonly [string, string])[] = [
    ['method', plan.method ?? 'not stated'],
    ['options', plan.options === undefined ? 'none' : JSON.stringify(plan.options)],
    ['factor', plan.factor === undefined ? 'not stated' : String(Number(plan.factor.toFixed(4)))],
    ['budget', plan.budget ?? 'not stated'],
    ['seed', plan.seed === undefined ? 'none' : String(plan.seed)],
    ['tasks of the profile', plan.tasks?.join(', ') ?? 'none'],
    [
      'pins',
      plan.pins?.map(({ layer, expert, keep }) => `${layer}:${expert} ${keep ? 'stays' : 'goes'}`).join(', ') ?? 'none',
    ],
  ];
  if (isMergePlan(plan))
    rows.push(['router', plan.router], ['members aligned before averaging', plan.align ? 'yes' : 'no']);
  rows.push([
    'made with',
    `Uncurl Workbench${facts === null ? '' : ` ${facts.version}`}; the plan is in uncurl-plan.json`,
  ]);
  return table(['', ''], rows);
};

const experts = (plan: Plan): string => {
  if (!isMergePlan(plan))
    return table(
      ['MoE layer', 'kept experts (numbers of the unpruned model, in their new order)'],
      plan.kept.map((kept, layer) => [String(layer), kept.join(', ')]),
    );
  const rows = plan.groups.map((groups, layer) => [
    String(layer),
    groups
      .map(({ members, reference }) =>
        members.length === 1 ? String(reference) : `${members.join(' + ')} (aligned to ${reference})`,
      )
      .join('; '),
  ]);
  return table(['MoE layer', 'merged experts (numbers of the unpruned model, in their new order)'], rows);
};

const beside = ({ checkpoint, plan, mtp }: CardContents): readonly string[] => {
  const notes = besideNotes(checkpoint, plan, mtp);
  return notes.length === 0 ? [] : ['## Beside the text model', notes.map(plain).join(' ')];
};

const costs = ({ measured, leftOut, curve: points, truncation = [] }: CardFacts): readonly string[] => [
  plain(planStandingText(measured)),
  ...truncation.map(plain),
  ...leftOut.map(plain),
  ...(points.length === 0 ? [] : [curve(points)]),
];

const curve = (points: readonly SweepResult[]): string =>
  'Differences are to the unpruned model on the same items, with 95 % intervals for paired data.\n\n' +
  table(
    ['task', 'method', 'factor', 'experts kept', 'items', 'metric', 'value', 'difference', 'from', 'to'],
    points.map(({ task, method, factor, kept, n, metric, value, difference, low, high }) => [
      task,
      method,
      bareFactor(factor),
      bareFactor(kept),
      String(n),
      metric,
      ...[value, difference, low, high].map((number) => number.toFixed(4)),
    ]),
  );

const REPEAT =
  '`sha256sum --check checksums.sha256` shows whether a file has changed; `uncurl verify FOLDER --against ' +
  'MODEL --plan uncurl-plan.json` repeats the comparison.';

const verified = ({ verification, plan, format, weights }: CardContents): string => {
  if (format === 'hf' && weights !== null)
    return (
      `Before this folder got its name it was reopened and compared with what the plan makes of the source, its ` +
      `matrices quantised as ${weights} (compressed-tensors): every byte of its config and tensors is the same. It ` +
      `was not run. ${REPEAT}`
    );
  const types = expertTypesOf(plan);
  const byLayer = types === undefined ? '' : `, its experts by MoE layer as ${types.join(', ')}`;
  if (format === 'gguf' && weights !== 'stored')
    return (
      `Before this folder got its name ${GGUF_FILE} was reopened and compared with what the plan makes of the ` +
      `source, written as ${weights ?? ''}${byLayer}: ` +
      `every value of its metadata and every byte of its tensors is the same. It was not run: llama.cpp is not ` +
      `part of the workbench. ${REPEAT}`
    );
  const { sequences, tokens, maxLogitDifference, tolerance, sameExperts } = verification;
  const isFolded = plan.gates?.kind === 'folded';
  const original = isMergePlan(plan)
    ? 'the original with its experts replaced by the merged ones'
    : plan.constants === undefined
      ? `the original with a mask on its router${isFolded ? ' and the same factors on its experts' : ''}`
      : 'the original with the same constants in place of its experts';
  const choices = sameExperts === null ? '' : 'every token chose the same experts at every layer, and ';
  const graph = format === 'hf' || format === 'gguf' ? '' : 'The graph ran them in batches, padded on either side. ';
  return (
    `Before this folder got its name it was reopened and compared with ${original}: every tensor is byte for ` +
    `byte what the plan makes of the source; ` +
    `on ${sequences} seeded sequences (${tokens} tokens) ${choices}float32 logits differ by at most ` +
    `${maxLogitDifference === 0 ? '0' : maxLogitDifference.toExponential(1)} (limit ` +
    `${tolerance.toExponential(0)}, relative for logits beyond 1). ` +
    graph +
    REPEAT
  );
};

/**
 * Whether it computes as transformers does, of a folder that transformers opens, or where it was asked; a line that
 * begins so is not compared by `verifyFinished`.
 */
const compared = ({ verification: { transformers }, format }: CardContents): readonly string[] =>
  transformers === undefined && !isCheckpoint(format)
    ? []
    : [plain(`Transformers: ${transformersWords(transformers ?? null, EXPORT_CHECK)}.`.replace(/\.\.$/, '.'))];

const loading = (contents: CardContents): string =>
  [
    ...(constantsOf(contents.plan) !== undefined
      ? [inVllm]
      : isCheckpoint(contents.format)
        ? [inTransformers(contents)]
        : []),
    ...(hasGraph(contents.format) ? [inOnnxRuntime(contents)] : []),
    ...(contents.format === 'gguf' ? [inLlamaCpp] : []),
    ...contents.warnings,
  ].join('\n\n');

const serving = ({ checkpoint, plan, format }: CardContents): readonly string[] => {
  const notes = servingNotes(checkpoint, plan, format);
  return notes.length === 0 ? [] : ['## Serving it on several devices', notes.join(' ')];
};

const python = (lines: readonly string[]): string => ['```python', ...lines, '```'].join('\n');

const inVllm =
  'Experts that give constants (`approximate_experts` in config.json, a vector `approx_value` each) are read by vLLM ' +
  'in versions after 0.32 (its page "Expert substitution") and by Uncurl Workbench; transformers, llama.cpp and ' +
  'onnxruntime do not open them.';

const inTransformers = ({ checkpoint, hasTokenizer }: CardContents): string => {
  const family = familyOf(checkpoint.descriptor.family);
  const name = family?.wrapper?.loader ?? family?.loader ?? 'AutoModelForCausalLM';
  return python([
    hasTokenizer ? `from transformers import ${name}, AutoTokenizer` : `from transformers import ${name}`,
    '',
    `model = ${name}.from_pretrained("path/to/this/folder")`,
    ...(hasTokenizer ? ['tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")'] : []),
  ]);
};

const inLlamaCpp =
  `${GGUF_FILE} is one file with weights and tokenizer for llama.cpp and programs based on it.\n\n` +
  ['```sh', `llama-cli --model path/to/this/folder/${GGUF_FILE} --prompt "…"`, '```'].join('\n') +
  `\n\nOther types are made by llama.cpp's own tool from a file of type f32, f16 or bf16: \`llama-quantize ` +
  `${GGUF_FILE} smaller.gguf Q4_K_M\`.`;

/** The graph has no state: whole sequences in, logits of every position out. */
const inOnnxRuntime = ({ format }: CardContents): string =>
  `${ONNX_FILE} is one graph for onnxruntime (it uses its contrib operators); its weights are ` +
  `${format === 'onnx' ? ONNX_DATA_FILE : 'the safetensors files'} beside it, in their stored types. ` +
  'A mask of 0 marks padding, on either side.\n\n' +
  python([
    'import numpy as np',
    'import onnxruntime',
    '',
    `session = onnxruntime.InferenceSession("path/to/this/folder/${ONNX_FILE}")`,
    'input_ids = np.array([[1, 2, 3]], dtype=np.int64)  # [batch, sequence]',
    `(logits,) = session.run(["${LOGITS}"], {"${INPUT_IDS}": input_ids, "${ATTENTION_MASK}": np.ones_like(input_ids)})`,
  ]);
