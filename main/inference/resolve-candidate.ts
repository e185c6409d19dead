import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { constantsOf, isMergePlan, type PlanGates } from '../contract/plan.ts';
import { refuse } from '../contract/errors.ts';
import type { ResolvedCandidate } from './executor.ts';
import { openConstants } from './expert-constants.ts';
import {
  constantVariant,
  denseVariant,
  foldedVariant,
  maskedVariant,
  trainedVariant,
  unprunedVariant,
  type LayerVariant,
} from './layer-variant.ts';
import { mergedVariant } from './merged-layer.ts';
import type { Candidate } from './model-runner.ts';
import type { Overlays } from './overlays.ts';
import { openRecovered, recoveredVariant } from './recovered-layer.ts';

/** The layer variants of a candidate's plan; writes merged weights where they are not on disk. */
export const resolveCandidate = async (
  checkpoint: Checkpoint,
  { key, plan }: Candidate,
  overlays: Overlays,
): Promise<ResolvedCandidate> => {
  const variants: LayerVariant[] = [];
  const recovered = plan?.recovery === undefined ? null : await openRecovered(plan.recovery, overlays);
  const left = plan === null ? undefined : constantsOf(plan);
  const constants = left === undefined ? null : await openConstants(left, checkpoint, overlays);
  let layer = -1;
  for (const { moe } of checkpoint.descriptor.blocks) {
    if (moe === null) {
      variants.push(denseVariant);
      continue;
    }
    layer += 1;
    const refit = (variant: LayerVariant): LayerVariant => {
      const gated = withGates(variant, plan?.gates, layer);
      return recovered === null ? gated : recoveredVariant(recovered, layer, gated);
    };
    if (plan === null) variants.push(unprunedVariant(moe));
    else if (isMergePlan(plan)) variants.push(refit(await mergedVariant(checkpoint, layer, plan, overlays)));
    else {
      const kept = plan.kept[layer];
      if (kept === undefined)
        throw refuse(
          'bad-plan',
          `the plan has ${plan.kept.length} layers, ${checkpoint.name} has ` +
            `${checkpoint.descriptor.moeLayers.length} MoE layers.`,
          'Use a plan made for this model.',
        );
      const vectors = constants?.[layer];
      variants.push(
        vectors === undefined
          ? refit(maskedVariant(moe, kept))
          : constantVariant(moe, kept, vectors, plan.constants?.weights ?? ''),
      );
    }
  }
  return { key, variants };
};

/** A pruned layer (counted among MoE layers) with the gates of a plan; refitted weights come after them. */
const withGates = (variant: LayerVariant, gates: PlanGates | undefined, layer: number): LayerVariant => {
  if (gates?.kind === 'trained') return trainedVariant(variant);
  return gates?.kind === 'folded' ? foldedVariant(variant, gates.factors[layer] ?? 1) : variant;
};
