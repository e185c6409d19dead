import { createHash } from 'node:crypto';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { TensorDtype, TensorView } from '../checkpoint/descriptor.ts';
import { fromFloat32 } from '../checkpoint/read-tensor.ts';
import { tensorInMemory } from '../checkpoint/write-safetensors.ts';
import { refuse } from '../contract/errors.ts';
import type { Plan, PlanConstants } from '../contract/plan.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { type WeighedProfiles, combineStatistics, requireStatistic } from '../pruning/weighed-profiles.ts';
import { type Overlays, overlayTensors } from './overlays.ts';

/**
 * Constants that replace experts: the mean output of each over the calibration tokens that were routed to it (Zhang et
 * al. 2025, arXiv 2507.00390, "novices"), in an overlay whose key is a hash of them. It contains those of all experts,
 * so that plans of every size share it.
 */
const tensorName = (layer: number): string => `${layer}.constants`;

/** [E, H] mean outputs of one MoE layer; 0 for an expert that no token chose. */
export const meanOutputs = ({ counts, experts, outputs }: RoutingStatistics, layer: number): Float32Array => {
  const { hidden, routedSum } = requireStatistic(
    outputs,
    'the mean outputs of chosen experts, which constants are made of',
  );
  return Float32Array.from({ length: experts * hidden }, (_, at) => {
    const count = counts[layer * experts + Math.floor(at / hidden)] ?? 0;
    return count === 0 ? 0 : (routedSum[layer * experts * hidden + at] ?? 0) / count;
  });
};

/** Dtype in which constants are stored and exported: that of the experts, unless it is a block format. */
const dtypeOf = ({ descriptor }: Checkpoint): TensorDtype => {
  const stored = descriptor.moeLayers[0]?.moe.expertTensors[0]?.up.stored;
  return stored?.kind === 'plain' ? stored.view.dtype : 'BF16';
};

/** Constants [E, H] of each MoE layer without their values, for the layout of an export. */
export const constantShapes = (checkpoint: Checkpoint): readonly TensorView[] => {
  const dtype = dtypeOf(checkpoint);
  const { hidden, moeLayers } = checkpoint.descriptor;
  const bytesOfValue = fromFloat32(Float32Array.of(0), dtype).length;
  return moeLayers.map(({ moe }, layer) => {
    const tensor = tensorName(layer);
    const byteLength = bytesOfValue * moe.experts * hidden;
    return { tensor, file: '', dtype, shape: [moe.experts, hidden], byteOffset: 0, byteLength };
  });
};

/** Writes the constants of a profile (or the weighted mean of several) and returns the plan's field for them. */
export const writeConstants = async (
  checkpoint: Checkpoint,
  profiles: WeighedProfiles,
  overlays: Overlays,
): Promise<PlanConstants> => {
  const statistics = combineStatistics(profiles);
  const dtype = dtypeOf(checkpoint);
  const { hidden, moeLayers } = checkpoint.descriptor;
  const layers = moeLayers.map((_, layer) => fromFloat32(meanOutputs(statistics, layer), dtype));
  const shape = [statistics.experts, hidden];
  const tensors = layers.map((bytes, layer) => tensorInMemory(tensorName(layer), dtype, shape, bytes));
  const hash = createHash('sha256').update(`${checkpoint.identity} ${dtype}`);
  layers.forEach((bytes) => hash.update(bytes));
  const weights = hash.digest('hex').slice(0, 32);
  if (!(await overlays.read(weights)).isSound) await overlays.write(weights, tensors);
  return { weights };
};

/** The plan with its constants, if its method replaces experts by them. */
export const withConstants = async (
  plan: Plan,
  replaces: boolean,
  checkpoint: Checkpoint,
  profiles: WeighedProfiles,
  overlays: Overlays,
): Promise<Plan> =>
  replaces && 'kept' in plan ? { ...plan, constants: await writeConstants(checkpoint, profiles, overlays) } : plan;

/**
 * Constants [E, H] of each MoE layer.
 *
 * @throws WorkbenchError `constants-missing` where they are missing or damaged; `constants-invalid` where they are of
 * another model.
 */
export const openConstants = async (
  { weights }: PlanConstants,
  { descriptor }: Checkpoint,
  overlays: Overlays,
): Promise<readonly TensorView[]> => {
  const overlay = await overlays.read(weights);
  if (!overlay.isSound)
    throw refuse(
      'constants-missing',
      `The constants of the plan cannot be used: ${overlay.why}.`,
      'Make the plan again from the same profile: it gives the same constants.',
    );
  const tensors = await overlayTensors(overlay);
  return descriptor.moeLayers.map(({ moe }, layer) => {
    const view = tensors.get(tensorName(layer));
    if (view !== undefined && view.shape[0] === moe.experts && view.shape[1] === descriptor.hidden) return view;
    throw refuse(
      'constants-invalid',
      `The constants ${weights} are not those of this model: layer ${layer} is ` +
        `${view?.shape.join(' x ') ?? 'missing'} instead of ${moe.experts} x ${descriptor.hidden}.`,
      'Make the plan again for this model.',
    );
  });
};
