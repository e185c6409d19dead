import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { configProblems, exportedConfig } from '../../../main/export/export-config.ts';
import { serverMembers } from '../../../main/export/server-members.ts';
import { checkpointFixture } from '../checkpoint/checkpoint-files.ts';

const sigmoid = { scoring_func: 'sigmoid', topk_method: 'noaux_tc' };

test('DeepSeek-V3 gains the members for vLLM, and keeps its own', () => {
  expect(serverMembers('deepseek_v3', { topk_method: null })).toEqual(sigmoid);
  expect(serverMembers('deepseek_v3', { scoring_func: 'softmax' })).toEqual({ topk_method: 'noaux_tc' });
  expect(serverMembers('deepseek_v2', {})).toEqual({});
});

test('Phi gains its architecture name in vLLM beside its own', () => {
  const architectures = ['PhimoeForCausalLM', 'PhiMoEForCausalLM'];
  expect(serverMembers('phimoe', { architectures: ['PhimoeForCausalLM'] })).toEqual({ architectures });
  expect(serverMembers('phimoe', { architectures })).toEqual({});
  expect(serverMembers('mixtral', { architectures: ['MixtralForCausalLM'] })).toEqual({});
});

test('DBRX gains the angles that transformers does not read from its attention', () => {
  const attn_config = { rope_theta: 500000 };
  const rope_parameters = { rope_theta: 500000, rope_type: 'default' };
  expect(serverMembers('dbrx', { attn_config })).toEqual({ rope_parameters });
  expect(serverMembers('dbrx', { attn_config, rope_parameters })).toEqual({});
  expect(serverMembers('dbrx', { attn_config, rope_scaling: { factor: 2 } })).toEqual({});
  expect(serverMembers('mixtral', { attn_config })).toEqual({});
});

test('they are in the config of an export; an export may lack them, but not have others', async () => {
  const checkpoint = await openCheckpoint(checkpointFixture('deepseek_v3'));
  const plan = { kept: checkpoint.descriptor.moeLayers.map(() => [0, 1, 4, 5, 8, 9, 12, 13]) };
  const config: unknown = JSON.parse(await exportedConfig(checkpoint, plan));
  expect(config).toEqual({ ...checkpoint.config, n_routed_experts: 8, ...sigmoid });
  const earlier = { ...checkpoint.config, n_routed_experts: 8 };
  expect(configProblems(checkpoint, plan, { ...earlier, ...sigmoid })).toEqual([]);
  expect(configProblems(checkpoint, plan, earlier)).toEqual([]);
  expect(configProblems(checkpoint, plan, { ...earlier, scoring_func: 'softmax' })).toEqual([
    'config.json: "scoring_func" is "softmax" instead of missing.',
  ]);
});
