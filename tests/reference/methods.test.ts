import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { hungarianAssignmentVectors } from './methods/hungarian-assignment.ts';
import { mergeFrequencyVectors } from './methods/merge-frequency.ts';
import { reapObserverVectors } from './methods/reap-observer.ts';
import { reapPruneDecisionVectors } from './methods/reap-prune-decision.ts';
import { reapSaliencyVectors } from './methods/reap-saliency.ts';
import { spectralClusteringVectors } from './methods/spectral-clustering.ts';
import { uncurlPipelineVectors } from './methods/uncurl-pipeline.ts';
import { unifiedCriteriaVectors } from './methods/unified-criteria.ts';
import { fusedWeightMatchingVectors, weightMatchingVectors } from './methods/weight-matching.ts';

/** Numbers that published code computed, reproduced by the code that the workbench runs. */
const handlers: Readonly<Record<string, (json: unknown) => void | Promise<void>>> = {
  hungarian_assignment: hungarianAssignmentVectors,
  reap_merge_frequency: mergeFrequencyVectors,
  reap_observer_end_to_end_raw: reapObserverVectors,
  reap_observer_end_to_end_renorm: reapObserverVectors,
  reap_prune_decision: reapPruneDecisionVectors,
  reap_saliency_raw: reapSaliencyVectors,
  reap_saliency_renorm: reapSaliencyVectors,
  reap_weight_matching_permutation: weightMatchingVectors,
  reap_weight_matching_permutation_fused: fusedWeightMatchingVectors,
  spectral_clustering: spectralClusteringVectors,
  uncurl_composed_pipeline: uncurlPipelineVectors,
  unified_criteria: unifiedCriteriaVectors,
};

const folder = process.env['METHOD_VECTORS'] ?? path.join(import.meta.dirname, '../fixtures/methods');
const files = readdirSync(folder).filter((name) => name.endsWith('.json')).sort();

/** Several sets of one kind may lie side by side (NAME.json, NAME_0.json, NAME_1.json): the longest name that fits. */
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
    if (handler === undefined) expect.fail(`${name}: no method of the workbench is held against vectors of this kind yet`);
    await handler(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
  });
}
