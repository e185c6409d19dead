import { z } from 'zod';
import { uncurlOptions } from '../../contract/plan.ts';
import { expertAffinity } from '../affinity.ts';
import { averageScores } from '../average-scores.ts';
import { combineStatistics } from '../combine-statistics.ts';
import { layerRow } from '../layer-view.ts';
import { mergeGroups } from '../merge-groups.ts';
import { ruleOf, ruleOptions } from '../merging/merge-options.ts';
import { defineMethod } from '../method.ts';
import { pinsByLayer } from '../pins-by-layer.ts';
import { frequencySaliency } from '../saliency/frequency.ts';

/** UNCURL: experts with similar router logits on the task merge. */
export const uncurl = defineMethod(
  {
    name: 'uncurl',
    title: 'UNCURL',
    summary:
      'Clusters the experts of a layer by their router logits on the task and merges each cluster into one expert.',
    kind: 'merge',
    needs: 'routing',
    cost: 'none beyond the profile; merging aligns each member once, in time of the cube of the expert width',
    random: false,
    formula:
      'clusters = spectral clustering of the affinity of router-logit columns; members aligned to the reference by the ' +
      'permutation of least squared weight distance; W = sum n_e W_e / sum n_e for gate, up and down',
    source:
      'Sarkar et al. 2024, arXiv 2409.01483. No official code is public and the open text does not fix the affinity, the ' +
      'reference or the router after the merge: these are named options here, and the defaults are our reading.',
    defaults:
      'affinity cosine ((cos + 1) / 2), reference most-active, align, weights activation, router reference-row (both ' +
      'reference-row and mean-row export to an ordinary checkpoint)',
    pitfalls: [
      'Any merge loses what the router decided between the members; reference-row and mean-row also lose the sum of their gates.',
      'mapped-rows and summed-probabilities stay nearer to the unpruned model but no stock loader can open the result.',
      'Raw-logit cosine is dominated by what all experts share on a token; centred-cosine and pearson take that out.',
      'An expert that no token chose is clustered too, with weight 0; if that is so for a whole cluster, it is averaged evenly.',
      'Pins: an expert that must stay is not merged with any other; one that must go joins a cluster with weight 0.',
      'Published alignments cast their costs to float16, which makes ties and overflows above 65504; here they stay in float64.',
    ],
  },
  z.object({ ...uncurlOptions.shape, ...ruleOptions }),
  ({ affinity, reference, align, weights, router, ...rule }) => ({
    kind: 'merge',
    extra: [],
    score: (context) => averageScores(context, frequencySaliency),
    group: (context, keptPerLayer) => {
      const { layers, experts, pins } = context;
      const profile = combineStatistics(context);
      const pinned = pinsByLayer(pins, layers, experts);
      return Array.from({ length: layers }, (_, layer) =>
        mergeGroups({
          affinity: expertAffinity(affinity, profile, layer),
          counts: layerRow(profile.counts, layer, experts),
          keep: keptPerLayer[layer]!,
          layer,
          pins: pinned[layer]!,
          reference,
          weights,
        }),
      );
    },
    router,
    align,
    ...ruleOf(rule),
  }),
);
