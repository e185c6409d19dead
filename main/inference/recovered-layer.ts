import { access } from 'node:fs/promises';
import path from 'node:path';
import type { TensorView, Weight } from '../checkpoint/descriptor.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import { refuse } from '../contract/errors.ts';
import type { PlanRecovery } from '../contract/plan.ts';
import type { LayerVariant } from './layer-variant.ts';

/** Refitted down projections on disk: `<MoE layer>.<place among the layer's experts>.down`, as the checkpoint stores them. */
export interface RecoveredWeights {
  readonly key: string;
  readonly tensors: ReadonlyMap<string, TensorView>;
}

export const recoveredFile = (folder: string, key: string): string => path.join(folder, `${key}.safetensors`);

export const recoveredName = (layer: number, expert: number): string => `${String(layer)}.${String(expert)}.down`;

/** @throws WorkbenchError `recovery-missing` where the file of a recovered plan is not there. */
export const openRecovered = async ({ weights, tasks }: PlanRecovery, folder: string): Promise<RecoveredWeights> => {
  const file = recoveredFile(folder, weights);
  if (!(await access(file).then(() => true, () => false))) {
    throw refuse(
      'recovery-missing',
      `The refitted weights ${weights} of the plan are not in ${folder}.`,
      `Recover the plan again on ${tasks.join(', ')}: the same plan and items give the same weights.`,
    );
  }
  return { key: weights, tensors: (await readSafetensorsHeader(file)).tensors };
};

/** A layer under a candidate with refitted down projections in place of its own, where the file holds them. */
export const recoveredVariant = ({ key, tensors }: RecoveredWeights, layer: number, variant: LayerVariant): LayerVariant => {
  if (variant.layer === null) return variant;
  const experts = variant.layer.experts.map((expert, place) => {
    const view = tensors.get(recoveredName(layer, place));
    return view === undefined ? expert : { ...expert, down: inPlaceOf(expert.down, view, key) };
  });
  if (experts.every((expert, place) => expert === variant.layer?.experts[place])) return variant;
  return {
    ...variant,
    key: `recovered:${key} ${variant.key}`,
    sessionKey: `recovered:${key} ${variant.sessionKey}`,
    layer: { ...variant.layer, experts },
  };
};

const inPlaceOf = ({ stored, shape, transposed }: Weight, view: TensorView, key: string): Weight => {
  const own = stored.kind === 'plain' ? stored.view : null;
  if (own === null || own.dtype !== view.dtype || own.shape.length !== view.shape.length || own.shape.some((size, axis) => size !== view.shape[axis])) {
    const [is, expected] = [view, own].map((tensor) => (tensor === null ? 'quantised' : `${tensor.dtype} of ${tensor.shape.join(' x ')}`));
    throw refuse('recovery-invalid', `${view.tensor} of the refitted weights ${key} is ${is ?? ''}, and the model stores ${expected ?? ''} there.`, 'Recover the plan again on this model.');
  }
  return { stored: { kind: 'plain', view }, shape, ...(transposed === undefined ? {} : { transposed }) };
};
