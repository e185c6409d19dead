import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { easyEpVectors } from './methods/easy-ep.ts';
import { eepVectors } from './methods/eep.ts';
import { hcSmoeVectors } from './methods/hc-smoe.ts';
import { hungarianAssignmentVectors } from './methods/hungarian-assignment.ts';
import { fusedLayoutsVectors, moeLayerForwardVectors } from './methods/layers.ts';
import {
  mcsmoeSwitchVectors,
  msmoeGroupingVectors,
  msmoeMergeVectors,
  msmoePermutationVectors,
} from './methods/m-smoe.ts';
import { mergeFrequencyVectors } from './methods/merge-frequency.ts';
import { mergeOtherVectors, mergeSubmoeVectors } from './methods/merge-rules.ts';
import { naeeLayerwiseVectors, naeeProgressiveVectors, naeeSkippingVectors } from './methods/naee.ts';
import { reamGroupingVectors } from './methods/ream-grouping.ts';
import { reapClusteringVectors, reapNonuniformVectors } from './methods/reap-clustering.ts';
import { reapDistancesVectors } from './methods/reap-distances.ts';
import { reapObserverVectors } from './methods/reap-observer.ts';
import { reapPruneDecisionVectors } from './methods/reap-prune-decision.ts';
import { reapSaliencyVectors } from './methods/reap-saliency.ts';
import { routerConventionsVectors, routerPruningVectors } from './methods/routing.ts';
import { spectralClusteringVectors } from './methods/spectral-clustering.ts';
import { layersByTorch } from './methods/torch-layer.ts';
import { tsepThresholdVectors } from './methods/tsep-threshold.ts';
import { uncurlPipelineVectors } from './methods/uncurl-pipeline.ts';
import { uncurlPublishedVectors } from './methods/uncurl-published.ts';
import { unifiedCriteriaVectors } from './methods/unified-criteria.ts';
import { fusedWeightMatchingVectors, weightMatchingVectors } from './methods/weight-matching.ts';
import { isTorch } from '../torch-engine.ts';

/**
 * Numbers computed by published code, reproduced by the workbench's own code; with ENGINE=torch, layers of experts are
 * computed and observed by the engine torch.
 */
const handlers: Readonly<Record<string, (json: unknown) => void | Promise<void>>> = {
  easyep_selection: easyEpVectors,
  eep_merge_matrices: eepVectors,
  fused_layouts: fusedLayoutsVectors,
  hcsmoe_clustering: hcSmoeVectors,
  hungarian_assignment: hungarianAssignmentVectors,
  mcsmoe_switch_spectral_grouping: mcsmoeSwitchVectors,
  moe_layer_forward: moeLayerForwardVectors,
  msmoe_grouping: msmoeGroupingVectors,
  msmoe_merge: msmoeMergeVectors,
  msmoe_permutation: msmoePermutationVectors,
  naee_dynamic_skipping: naeeSkippingVectors,
  naee_layerwise_pruning: naeeLayerwiseVectors,
  naee_progressive_pruning: naeeProgressiveVectors,
  ream_grouping: reamGroupingVectors,
  reap_distances: reapDistancesVectors,
  reap_hierarchical_clustering: reapClusteringVectors,
  reap_merge_frequency: mergeFrequencyVectors,
  reap_merge_other: mergeOtherVectors,
  reap_merge_submoe: mergeSubmoeVectors,
  reap_nonuniform_clustering: reapNonuniformVectors,
  reap_observer_end_to_end_raw: reapObserverVectors,
  reap_observer_end_to_end_renorm: reapObserverVectors,
  reap_prune_decision: reapPruneDecisionVectors,
  reap_saliency_raw: reapSaliencyVectors,
  reap_saliency_renorm: reapSaliencyVectors,
  reap_weight_matching_permutation: weightMatchingVectors,
  reap_weight_matching_permutation_fused: fusedWeightMatchingVectors,
  router_conventions: routerConventionsVectors,
  router_pruning: routerPruningVectors,
  spectral_clustering: spectralClusteringVectors,
  tsep_threshold_pruning: tsepThresholdVectors,
  uncurl_composed_pipeline: uncurlPipelineVectors,
  uncurl_published: uncurlPublishedVectors,
  unified_criteria: unifiedCriteriaVectors,
};

const folder = process.env['METHOD_VECTORS'] ?? path.join(import.meta.dirname, '../fixtures/reference/methods');
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort();

/** Several sets of one kind may exist (NAME.json, NAME_0.json, NAME_1.json): takes the longest matching name. */
const kindOf = (file: string): string => {
  const stem = file.replace(/\.json$/, '');
  const fitting = Object.keys(handlers).filter((kind) => stem === kind || stem.startsWith(`${kind}_`));
  return fitting.sort((a, b) => b.length - a.length)[0] ?? stem;
};

test('the folder of vectors is not empty', () => {
  expect(files, folder).not.toHaveLength(0);
});

for (const name of files) {
  const handler = handlers[kindOf(name)];
  test(handler === undefined ? `${name} (not supported yet)` : name, async () => {
    if (handler === undefined)
      expect.fail(`${name}: no method of the workbench is held against vectors of this kind yet`);
    await handler(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
  });
}

test('layers of experts ran in the engine that was named', () => {
  expect(layersByTorch() > 0).toBe(isTorch);
});
