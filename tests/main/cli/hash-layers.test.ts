import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { optionReader } from '../../../main/cli/verb.ts';
import { requireTables } from '../../../main/cli/plan-options.ts';
import { planCost } from '../../../main/pruning/plan-cost.ts';
import { checkpointFixture } from '../checkpoint/checkpoint-files.ts';

const reader = (value: string) => optionReader({ positionals: [], options: { 'hash-layers': value } });

test('tables of experts are rewritten, which the plan says, or stay, which refuses plans', async () => {
  const checkpoint = await openCheckpoint(checkpointFixture('deepseek_v4'));
  const half = { kept: checkpoint.descriptor.moeLayers.map(() => [0, 1, 2, 3]) };
  const all = { kept: checkpoint.descriptor.moeLayers.map(() => [0, 1, 2, 3, 4, 5, 6, 7]) };
  expect(() => {
    requireTables(reader('keep'), checkpoint, half);
  }).toThrow(/MoE layer 0 chooses experts by a table of tokens/);
  requireTables(reader('keep'), checkpoint, all);
  requireTables(reader('rewrite'), checkpoint, half);
  expect(planCost(checkpoint.info, half).note).toMatch(
    /In the layer that chooses experts by a table of tokens, the table is/,
  );
});
