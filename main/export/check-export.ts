import type { ModelDescriptor, PredictionLayers } from '../checkpoint/descriptor.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import type { CompressedType, ExportFormat, GgufType, PredictionChoice } from '../contract/export.ts';
import type { ModelInfo } from '../contract/model.ts';
import { constantsOf, isMergePlan, type Plan } from '../contract/plan.ts';
import { takesIdentityRows } from '../checkpoint/routing.ts';
import { hasScaledExperts } from '../checkpoint/weight-reader.ts';
import { requireCompressible } from './compressed-folder.ts';
import { keptExperts } from './export-config.ts';
import { llamaArchitecture } from './gguf/architectures.ts';
import { isStoredGguf, requireAsStored } from './gguf/stored-gguf.ts';
import { ggufTokenizer } from './gguf/tokenizer-metadata.ts';
import { preparePlan, requireOneType } from './prepare-plan.ts';
import { beginnings } from '../checkpoint/model-info.ts';
import { triedInVllm } from './server-members.ts';
import { servingAdvice } from './serving-advice.ts';

/** Findings about an export before anything is written. */
export interface ExportCheck {
  /** Why the export is impossible, with a remedy; null if it is possible. */
  readonly refusal: { readonly message: string; readonly remedy: string } | null;
  /** Notes for whoever serves it, one sentence each. */
  readonly notes: readonly string[];
}

/** What an export is to be: `mtp` is `drop` by default; weights of another type, if they have one. */
type ExportForm = readonly [
  format: ExportFormat,
  mtp?: PredictionChoice | undefined,
  hfType?: CompressedType | undefined,
  ggufType?: GgufType | undefined,
];

/**
 * The plan as an export has it in a form.
 *
 * @throws WorkbenchError as `preparePlan` and `requireForm`.
 */
export const planInForm = async (checkpoint: Checkpoint, plan: Plan, form: ExportForm): Promise<Plan> => {
  const prepared = preparePlan(checkpoint, plan, isConverted(checkpoint, form));
  await requireForm(checkpoint, prepared, form);
  return prepared;
};

/** Reads config, headers and tokenizer only, no weights. */
export const checkExport = async (checkpoint: Checkpoint, plan: Plan, ...form: ExportForm): Promise<ExportCheck> => {
  try {
    await planInForm(checkpoint, plan, form);
  } catch (error) {
    if (!(error instanceof WorkbenchError) || error.kind !== 'refused') throw error;
    return { refusal: { message: error.message, remedy: error.remedy }, notes: [] };
  }
  return { refusal: null, notes: [...constantsNotes(plan), ...servingNotes(checkpoint, plan, form[0])] };
};

/** Whether an export has another format or type of weights than the model, so that one of every expert is no copy. */
const isConverted = (checkpoint: Checkpoint, [format, , hfType]: ExportForm): boolean =>
  hfType !== undefined || (format !== 'hf' && !isStoredGguf(checkpoint));

/**
 * Refuses a format that its program would compute differently, and extra prediction layers that cannot be sliced.
 *
 * @throws WorkbenchError `not-for-llama-cpp`, `tokenizer-not-for-llama-cpp`, `gguf-as-stored`, `mtp-not-sliced`,
 * `weights-not-quantised`, `not-for-trained-gates`.
 */
export const requireForm = async (
  checkpoint: Checkpoint,
  plan: Plan,
  [format, mtp = 'drop', hfType, ggufType]: ExportForm,
): Promise<void> => {
  const { descriptor, config, folder } = checkpoint;
  requireGatesForm(descriptor, plan, format);
  if (format !== 'gguf' || isStoredGguf(checkpoint))
    requireOneType(plan, isStoredGguf(checkpoint) ? 'a stored GGUF file' : format);
  if (hfType !== undefined) requireQuantisable(checkpoint, plan, format, mtp, hfType);
  const obstacle = mtp === 'slice' ? slicingObstacle(descriptor.prediction, plan, format) : null;
  if (obstacle !== null)
    throw refuse(
      'mtp-not-sliced',
      `Extra prediction layers (MTP) cannot be sliced: ${obstacle}.`,
      'Leave them out with --mtp drop.',
    );
  if (isStoredGguf(checkpoint)) {
    requireAsStored(checkpoint, plan, format, ggufType);
    return;
  }
  requireConstantsForm(descriptor, plan, format);
  if ((format === 'onnx' || format === 'hf,onnx') && hasScaledExperts(descriptor))
    throw refuse(
      'quantised-as-stored',
      `The weights of ${checkpoint.name} are quantised with scales, which ${format} has no form for.`,
      'Export it as hf: kept experts keep their bytes.',
    );
  if (format !== 'gguf') return;
  // A merge writes new weights, so the stored types of the source do not decide whether they can be written.
  if (!isMergePlan(plan)) llamaArchitecture(descriptor, config);
  await ggufTokenizer(folder, descriptor.vocabulary);
};

/** Refuses a quantised folder where there is no form for it. */
const requireQuantisable = (
  checkpoint: Checkpoint,
  plan: Plan,
  format: ExportFormat,
  mtp: PredictionChoice,
  type: CompressedType,
): void => {
  const problem =
    format !== 'hf'
      ? `a folder for ${format} holds no such weights`
      : mtp === 'slice'
        ? 'extra prediction layers have no form in it'
        : constantsOf(plan) !== undefined
          ? 'constants in place of experts have no form in it'
          : null;
  if (problem !== null)
    throw refuse(
      'weights-not-quantised',
      `The weights of ${checkpoint.name} cannot be written as ${type}: ${problem}.`,
      'Export it as hf without extra layers, or keep the weights as stored.',
    );
  requireCompressible(checkpoint, type);
};

/** Why an export cannot have the source's extra prediction layers; null: it can. */
export const slicingObstacle = (
  { tensors, stacked, prefixes, obstacle }: PredictionLayers,
  plan: Plan,
  format: ExportFormat,
): string | null => {
  if (tensors.length === 0) return 'the model has none';
  if (format === 'gguf' || format === 'onnx') return `${format} has no form for them`;
  if (isMergePlan(plan) && stacked.length + prefixes.length > 0)
    return 'the plan merges experts, and which of theirs belong together was not measured';
  return constantsOf(plan) === undefined ? obstacle : null;
};

/** Whether a plan cuts experts of extra prediction layers that are kept: it drops experts, and they have some. */
export const cutsPrediction = ({ prediction }: Pick<ModelDescriptor, 'prediction'>, plan: Plan): boolean =>
  !isMergePlan(plan) && plan.constants === undefined && prediction.stacked.length + prediction.prefixes.length > 0;

/** One sentence on each kind of tensors that are not part of the text model: whether an export contains them. */
export const besideNotes = (
  { descriptor: { prediction, carriedTensors, unusedTensors, moeLayers } }: Checkpoint,
  plan: Plan,
  mtp: PredictionChoice,
): readonly string[] => {
  const layers = `Extra prediction layers (MTP, ${String(prediction.tensors.length)} tensors)`;
  const last = String(moeLayers.length - 1);
  const cut = cutsPrediction({ prediction }, plan);
  return [
    ...(prediction.tensors.length === 0
      ? []
      : mtp === 'drop'
        ? [`${layers} of the source are left out, and config.json counts none.`]
        : [
            `${layers} are kept${
              cut
                ? `; of their experts those with the numbers that the plan keeps in MoE layer ${last}, the last one. ` +
                  'This is a definition: theirs were not measured'
                : ' unchanged'
            }. They propose tokens that the model itself checks, so they can cost speed, and no answer.`,
          ]),
    ...(carriedTensors.length === 0
      ? []
      : [
          `${String(carriedTensors.length)} tensors beside the text model (${beginnings(carriedTensors)}) are copied ` +
            'unchanged and were not run.',
        ]),
    ...(unusedTensors.length === 0 ? [] : [`${String(unusedTensors.length)} unused buffers are left out.`]),
  ];
};

/** Constants in place of experts can only be exported as hf, from checkpoints that store each expert separately. */
const requireConstantsForm = ({ moeLayers }: ModelDescriptor, plan: Plan, format: ExportFormat): void => {
  if (constantsOf(plan) === undefined) return;
  if (format !== 'hf')
    throw refuse(
      'not-for-constants',
      `The plan puts constants in place of experts, which ${format} cannot store.`,
      'Export it as hf, or use a method that drops experts.',
    );
  if (moeLayers.some(({ moe }) => moe.storage.prefix === null))
    throw refuse(
      'not-for-constants',
      'The plan puts constants in place of experts, and the experts of this checkpoint are stacked in one tensor.',
      'Use a method that drops experts.',
    );
};

/** Trained gates need the rows of the router that other files drop. */
const requireGatesForm = ({ moeLayers }: ModelDescriptor, plan: Plan, format: ExportFormat): void => {
  if (plan.gates?.kind !== 'trained' || format === 'onnx') return;
  if (moeLayers.every(({ moe }) => takesIdentityRows(moe))) return;
  throw refuse(
    'not-for-trained-gates',
    `Trained gates need the rows of the router that ${format === 'hf,onnx' ? 'the folder of hf,onnx' : format} drops.`,
    'Export the plan as onnx, or make it with --gates folded.',
  );
};

/** What opens an export with constants; its card says so under "Loading it". */
const constantsNotes = (plan: Plan): readonly string[] =>
  constantsOf(plan) !== undefined
    ? ['vLLM reads constants in place of experts (MoNE) in versions after 0.32; transformers does not open them.']
    : [];

/** Notes on serving this number of experts; none for formats that are not split over devices. */
export const servingNotes = (
  { info }: Pick<Checkpoint, 'info'>,
  plan: Plan,
  format: ExportFormat,
): readonly string[] => [
  ...splittingNotes(info, plan, format),
  ...(format === 'hf' && !triedInVllm.has(info.family)
    ? [`Exports of the family ${info.family} were not tried in vLLM.`]
    : []),
];

const splittingNotes = (info: ModelInfo, plan: Plan, format: ExportFormat): readonly string[] =>
  (format === 'hf' || format === 'hf,onnx') && constantsOf(plan) === undefined
    ? servingAdvice({
        kept: keptExperts(plan),
        experts: info.experts,
        topK: info.topK,
        groups: info.expertGroups?.count ?? 1,
      })
    : [];
