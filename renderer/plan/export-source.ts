import { folderName } from '../../main/contract/bounds.ts';
import { isSameContent } from '../../main/contract/recorded.ts';
import type { CallInput } from '../../main/contract/calls.ts';
import {
  type CompressedType,
  type ExportFormat,
  type GgufType,
  ggufTypeOf,
  isCompressedType,
} from '../../main/contract/export.ts';
import { methodDraws, weightsOfLabel } from '../../main/contract/method.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import { type Facts, isUsable, selectedModel } from '../engine/facts.ts';
import { factorInName } from '../../main/words/numbers.ts';
import type { exportStore } from '../state/model-forms.ts';
import type { PointKey } from '../state/selection.ts';
import { currentPlanCall, shownImport } from './plan-input.ts';

type ExportState = ReturnType<(typeof exportStore)['getState']>;

/** Source of the plan to export, and the model that it prunes. */
export type ExportSource = {
  readonly model: ModelEntry;
  readonly method: string;
  readonly factor: number;
  readonly task: string | null;
  /** Seed of the draw; null for methods without draws. */
  readonly seed: number | null;
} & (
  | { readonly call: 'plan.make'; readonly input: CallInput<'plan.make'> }
  | { readonly call: 'plan.import'; readonly input: CallInput<'plan.import'> }
  | { readonly call: 'sweep.plan'; readonly input: CallInput<'sweep.plan'> }
);

/**
 * The point whose plan is exported: the selected one if a point was requested and one is selected; null for the current
 * plan.
 */
export const exportedPoint = ({ selection }: Pick<Facts, 'selection'>, asked: PointKey | null): PointKey | null =>
  asked !== null && selection.point !== null && selection.point.factor > 1 ? selection.point : asked;

/** Null if the plan is unknown or its model is not open. */
export const exportSource = (facts: Facts, state: Pick<ExportState, 'point'>): ExportSource | null => {
  const point = exportedPoint(facts, state.point);
  if (point === null) {
    const call = currentPlanCall(facts);
    const model = selectedModel(facts);
    if (call === null || model === null) return null;
    const { method, factor, plan } = facts.selection;
    const file = shownImport(facts);
    if (file !== null)
      return {
        ...call,
        model,
        method: file.method ?? file.kind,
        factor: file.factor ?? factor,
        task: null,
        seed: null,
      };
    const tasks = call.call === 'plan.make' ? call.input.tasks : [];
    const task = tasks.length === 1 ? facts.tasks.find((known) => known.handle === tasks[0])?.name : null;
    const page = facts.methods.find(({ name }) => name === method);
    const seed = page !== undefined && methodDraws(page, plan.options[method]) ? plan.seed : null;
    return { ...call, model, method, factor, task: task ?? null, seed };
  }
  const manifest = facts.runs.find((run) => run.id === point.run);
  const recorded = manifest?.models.find((model) => model.name === point.model);
  const model = recorded === undefined ? undefined : facts.models.find((known) => isSameContent(recorded, known));
  if (model === undefined) return null;
  return {
    call: 'sweep.plan',
    input: { ...point },
    model,
    method: point.method,
    factor: point.factor,
    task: point.task,
    seed: point.seed,
  };
};

/**
 * The format of an export, and the types of the weights of a GGUF file or of a folder (null: as stored). Until one is
 * chosen: a GGUF file is exported as stored, and a point with rounded weights as they were measured.
 */
export const chosenFormat = (
  source: Pick<ExportSource, 'model' | 'method'> | null,
  { format, ggufType, hfType }: Pick<ExportState, 'format' | 'ggufType' | 'hfType'>,
): { readonly format: ExportFormat; readonly ggufType: GgufType | null; readonly hfType: CompressedType | null } => {
  const isGguf = source?.model.info?.isGguf === true;
  const measured = source === null || isGguf ? null : weightsOfLabel(source.method).weights;
  const measuredFolder = measured !== null && isCompressedType(measured) ? measured : null;
  const measuredFile = measured !== null && !isCompressedType(measured) ? ggufTypeOf(measured) : null;
  return {
    format: isGguf ? 'gguf' : (format ?? (measuredFile === null ? 'hf' : 'gguf')),
    ggufType: isGguf ? null : ggufType === undefined ? measuredFile : ggufType,
    hfType: isGguf ? null : hfType === undefined ? measuredFolder : hfType,
  };
};

/** Treatment of extra prediction layers; undefined where the model has none, or the format has no form for them. */
export const chosenMtp = (
  source: ExportSource,
  state: Pick<ExportState, 'format' | 'ggufType' | 'hfType' | 'mtp'>,
): ExportState['mtp'] | undefined => {
  const { format, hfType } = chosenFormat(source, state);
  const hasLayers = (source.model.info?.unusedBytes?.prediction ?? 0) > 0;
  return hasLayers && ((format === 'hf' && hfType === null) || format === 'hf,onnx') ? state.mtp : undefined;
};

/** Whether transformers can be asked about the chosen format: it runs folders from their weights as stored. */
export const canAskTransformers = (
  source: ExportSource,
  state: Pick<ExportState, 'format' | 'ggufType' | 'hfType'>,
): boolean => {
  const { format, hfType } = chosenFormat(source, state);
  return format === 'hf' && hfType === null && source.model.info?.isGguf !== true;
};

/** The typed name, or a default made of model, task, method and factor. */
export const exportName = (source: ExportSource, typed: string | null): string =>
  typed ??
  folderNameOf(
    [source.model.name, source.task, source.method, factorInName(source.factor)].filter((part) => part !== null),
  );

/** Name of a new folder, made of parts. */
export const folderNameOf = (parts: readonly string[]): string =>
  parts
    .join('-')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/-+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 128);

/** Why a new folder cannot have this name; null if it can. */
export const folderNameObstacle = (name: string): string | null =>
  folderName.safeParse(name).success
    ? null
    : 'The name may contain letters, digits, dots, dashes and underscores, and must start with a letter or digit.';

/** Why the export cannot start; null if it can. */
export const exportObstacle = (facts: Facts, state: Pick<ExportState, 'point' | 'into' | 'name'>): string | null => {
  const source = exportSource(facts, state);
  if (source === null) {
    return state.point === null
      ? 'Select a model and a task first.'
      : 'Open the model of this sweep first; it is not in the list on the left.';
  }
  if (!isUsable(source.model)) return `${source.model.name} cannot be used here.`;
  if (source.factor <= 1) return 'This plan prunes nothing: choose a factor above 1.';
  if (state.into === null) return 'Choose the folder to write into.';
  return folderNameObstacle(exportName(source, state.name));
};
