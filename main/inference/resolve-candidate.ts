import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { isMergePlan } from '../contract/plan.ts';
import { refuse } from '../contract/errors.ts';
import type { ResolvedCandidate } from './executor.ts';
import { denseVariant, maskedVariant, unprunedVariant, type LayerVariant } from './layer-variant.ts';
import { mergedVariant } from './merged-layer.ts';
import type { Candidate } from './model-runner.ts';

/** What each layer is under a candidate's plan; writes merged weights where they are not on disk yet. */
export const resolveCandidate = async (checkpoint: Checkpoint, { key, plan }: Candidate, overlayFolder: string): Promise<ResolvedCandidate> => {
  const variants: LayerVariant[] = [];
  let layer = -1;
  for (const { moe } of checkpoint.descriptor.blocks) {
    if (moe === null) {
      variants.push(denseVariant);
      continue;
    }
    layer += 1;
    if (plan === null) variants.push(unprunedVariant(moe));
    else if (isMergePlan(plan)) variants.push(await mergedVariant(checkpoint, layer, plan, overlayFolder));
    else {
      const kept = plan.kept[layer];
      if (kept === undefined) throw refuse('bad-plan', `the plan has ${String(plan.kept.length)} layers, ${checkpoint.name} has ${String(checkpoint.descriptor.moeLayers.length)} MoE layers.`, 'Use a plan made for this model.');
      variants.push(maskedVariant(moe, kept));
    }
  }
  return { key, variants };
};
