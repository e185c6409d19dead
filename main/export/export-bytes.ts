import type { TensorView } from '../checkpoint/descriptor.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import {
  type CompressedType,
  type GgufType,
  type RoundedType,
  ggufTypeOf,
  isCompressedType,
} from '../contract/export.ts';
import type { FitFormat } from '../contract/fit.ts';
import type { Plan } from '../contract/plan.ts';
import { constantShapes } from '../inference/expert-constants.ts';
import type { Overlays } from '../inference/overlays.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { compressedFolder } from './compressed-folder.ts';
import { keptExperts } from './export-config.ts';
import { exportedTensors } from './exported-tensors.ts';
import { planGguf, storedType } from './gguf/gguf-file.ts';
import { isStoredGguf, planStoredGguf } from './gguf/stored-gguf.ts';
import { onnxData } from './onnx-files.ts';
import { weightFileBytes } from './write-weights.ts';

/** The type options of an export whose weights are rounded as a type; null: as stored. */
export const exportTypes = (
  checkpoint: Checkpoint,
  format: FitFormat,
  type: RoundedType | null,
): { readonly ggufType?: GgufType; readonly hfType?: CompressedType } => {
  if (type !== null && isCompressedType(type)) return { hfType: type };
  if (format !== 'gguf' || isStoredGguf(checkpoint)) return {};
  return { ggufType: type === null ? storedType(checkpoint) : ggufTypeOf(type) };
};

/**
 * Bytes of the weight files that an export of a plan writes, known before anything is written: the whole GGUF file, the
 * safetensors files of a folder, or the data file of an ONNX graph. For a plan that only the workbench runs, those of
 * its weights. `type`: as which the weights are rounded; null: as stored. Constants in place of experts may be
 * unknown.
 *
 * @throws WorkbenchError as `exportPlan` for what has no such form.
 */
export const exportBytes = async (
  checkpoint: Checkpoint,
  plan: Plan,
  format: FitFormat,
  type: RoundedType | null,
  overlays: Overlays,
): Promise<number> => {
  if (format === 'plan') return planCost(checkpoint.info, plan).sizeBytes;
  const constantsOf = async (): Promise<readonly TensorView[]> => constantShapes(checkpoint);
  const tensors = await exportedTensors(checkpoint, plan, overlays, 'drop', constantsOf);
  if (isStoredGguf(checkpoint)) return (await planStoredGguf(checkpoint, tensors, keptExperts(plan))).sizeBytes;
  if (format === 'onnx') return onnxData(tensors, '').sizeBytes;
  const { ggufType, hfType } = exportTypes(checkpoint, format, type);
  if (ggufType !== undefined) return (await planGguf(checkpoint, plan, tensors, ggufType)).sizeBytes;
  const written = hfType === undefined ? tensors : (await compressedFolder(checkpoint, plan, tensors, hfType)).tensors;
  return weightFileBytes(checkpoint, written);
};
