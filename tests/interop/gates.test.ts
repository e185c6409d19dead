import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { Plan } from '../../main/contract/plan.ts';
import type { ChoiceItem } from '../../main/contract/task.ts';
import { withGates } from '../../main/pruning/gates.ts';
import { planForModel } from '../../main/pruning/make-plan.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { temporaryFolder } from '../integration/run-uncurl.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { outputOf } from './run-python.ts';

/** The script that anybody can run on a released model, against the engine. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const control = { signal: new AbortController().signal };
const ITEMS = 24;
const KEPT = 6;

const line = z.object({
  method: z.string(),
  kept: z.number(),
  factors: z.array(z.number()),
  right: z.object({ unpruned: z.string(), deleted: z.string(), folded: z.string(), trained: z.string() }),
});

const ghostLine = z.object({ count: z.number(), right: z.record(z.string(), z.string()) });
const bitsOf = (digits: string | undefined, count: number): string =>
  BigInt(`0x${digits ?? ''}`)
    .toString(2)
    .padStart(count, '0');

it('gates.py finds the factors and the answers of the engine on a checkpoint in the layout of OLMoE', async () => {
  const scratch = await temporaryFolder();
  const [model, task] = [path.join(scratch, 'tiny-olmoe'), path.join(scratch, 'french')];
  await cp(path.join(root, 'tests/fixtures/reference/checkpoints/olmoe'), model, { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(path.join(root, 'resources/models/switch-64', name), path.join(model, name));
  await mkdir(task);
  await cp(path.join(root, 'resources/tasks/french/task.json'), path.join(task, 'task.json'));
  for (const name of ['calibration.jsonl', 'test.jsonl']) {
    const lines = (await readFile(path.join(root, 'resources/tasks/french', name), 'utf8')).split('\n');
    await writeFile(path.join(task, name), `${lines.slice(0, ITEMS).join('\n')}\n`);
  }
  const python = process.env['UNCURL_INTEROP_PYTHON'] ?? expect.fail('UNCURL_INTEROP_PYTHON names no Python');
  const out = path.join(scratch, 'answers.jsonl');
  const script = path.join(root, 'resources/gates/gates.py');
  await outputOf(python, [script, model, task, '--keep', String(KEPT), '--out', out]);
  const lines = (await readFile(out, 'utf8')).trim().split('\n');
  const ghosts = path.join(scratch, 'ghosts.jsonl');
  const beside = path.join(root, 'resources/gates/ghosts.py');
  await outputOf(python, [beside, model, task, '--keep', String(KEPT), '--ghosts', '1', '--out', ghosts]);
  const ghostLines = (await readFile(ghosts, 'utf8')).trim().split('\n');

  const checkpoint = await openCheckpoint(model);
  const { calibration, test } = await loadTask(task);
  const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, overlayFolder: scratch };
  const runner = await openModelRunner(checkpoint, settings);
  try {
    const statistics = [await runner.profile(calibration, control)];
    const rightUnder = async (plan: Plan | null): Promise<string> => {
      const outcomes = (await runner.evaluate(test, [{ key: 'plan', plan }], control)).get('plan') ?? [];
      return outcomes
        .map((outcome, at) =>
          outcome.kind === 'choice' && outcome.chosen === (test[at] as ChoiceItem).answer ? '1' : '0',
        )
        .join('');
    };
    expect(lines.map((text) => line.parse(JSON.parse(text)).method)).toEqual(['frequency', 'reap']);
    for (const [at, text] of lines.entries()) {
      const { method, factors, right } = line.parse(JSON.parse(text));
      const order = { method, options: {}, keep: KEPT, budget: 'uniform', pins: [], seed: 0, tasks: [] } as const;
      const plan = planForModel(checkpoint, { ...order, statistics });
      const profiles = { statistics, taskShares: [1] };
      const folded = withGates(plan, 'folded', checkpoint.info, profiles);
      const own = folded.gates?.kind === 'folded' ? folded.gates.factors : [];
      expect(own).toHaveLength(factors.length);
      for (const [layer, factor] of own.entries()) expect(factor).toBeCloseTo(factors[layer] ?? Number.NaN, 5);
      expect(await rightUnder(null)).toBe(right.unpruned);
      expect(await rightUnder(plan)).toBe(right.deleted);
      expect(await rightUnder(folded)).toBe(right.folded);
      const { count, right: besides } = ghostLine.parse(JSON.parse(ghostLines[at] ?? ''));
      expect(Object.keys(besides)).toEqual(['folded', 'ghosts-1', 'experts-1']);
      const more = planForModel(checkpoint, { ...order, keep: KEPT + 1, statistics });
      const answers = [
        await rightUnder(folded),
        await rightUnder(withGates(more, 'folded', checkpoint.info, profiles)),
      ];
      expect([besides['folded'], besides['experts-1']].map((digits) => bitsOf(digits, count))).toEqual(answers);
      expect(await rightUnder(withGates(plan, 'trained', checkpoint.info, profiles))).toBe(right.trained);
    }
  } finally {
    await runner.dispose();
  }
});
