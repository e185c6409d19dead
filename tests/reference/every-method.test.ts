import { readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { WorkbenchError } from '../../main/contract/errors.ts';
import { isMergePlan, type MethodName, type Plan } from '../../main/contract/plan.ts';
import { withConstants } from '../../main/inference/expert-constants.ts';
import type { ModelRunner } from '../../main/inference/model-runner.ts';
import type { Overlays } from '../../main/inference/overlays.ts';
import { budgetPlan, requireSearchable } from '../../main/jobs/search-step.ts';
import { type ExtraStatistic, extraStatistics, type RoutingStatistics } from '../../main/profile/routing-statistics.ts';
import { methodNamed, methodNames } from '../../main/pruning/methods.ts';
import { planForModel } from '../../main/pruning/make-plan.ts';
import { planNeeds } from '../../main/pruning/plan-needs.ts';
import { candidatePlan, searchExperts } from '../../main/pruning/search/search-experts.ts';
import { addCharacters, characterOf } from '../main/export/gguf/llama-models.ts';
import { changeableCopy } from '../main/checkpoint/checkpoint-files.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import { openModelRunner, overlaysIn } from '../open-model-runner.ts';
import path from 'node:path';

/**
 * Every method and every refit on a checkpoint of every family: it gives a plan with which the model computes numbers,
 * or is refused with one of the codes below. Searches measure two candidates each.
 */

const root = process.env['CHECKPOINTS'] ?? '';
/** The shortest name of each family's folders is its plainest checkpoint; some others have layers of another kind. */
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !/-(?!v5$|lite$|bf16$|latent$)/.test(entry.name))
  .map(({ name }) => name)
  .sort();
const control = { signal: new AbortController().signal };
const kindOf = (name: MethodName): string => {
  const { behaviour } = methodNamed(name).prepare({});
  return behaviour.kind === 'search' ? behaviour.search : behaviour.kind;
};
const planned = methodNames.filter((name) => ['drop', 'merge'].includes(kindOf(name)));
const searched = methodNames.filter((name) => kindOf(name) === 'evolution');

/** Methods that a family's layers do not allow. */
const refused: Readonly<Record<string, readonly string[]>> = {
  afmoe: ['residual', 'merge', 'recover experts', 'recover router', 'naee, progressive'],
  // The router chooses among groups, of which the method cannot keep equal parts.
  bailing_hybrid: ['merge', 'tsep', 'eep', 'evo-esap'],
  deepseek_v3: ['merge', 'tsep', 'eep', 'evo-esap'],
  deepseek_v32: ['merge', 'tsep', 'eep', 'evo-esap'],
  deepseek_v4: ['residual', 'elimination', 'merge', 'recover experts', 'recover router', 'naee, progressive'],
  dots1: ['merge'],
  ernie4_5_moe: ['merge'],
  exaone_moe: ['merge'],
  gemma4: ['residual', 'merge', 'recover experts', 'recover router', 'naee, progressive'],
  glm4_moe: ['merge'],
  glm4_moe_lite: ['merge'],
  glm_moe_dsa: ['merge'],
  'gpt_oss-bf16': ['merge'],
  // Probabilities of these routers are no softmax over all experts, which the search's matrices blend.
  granitemoe: ['eep, merge'],
  granitemoehybrid: ['eep, merge'],
  granitemoeshared: ['eep, merge'],
  kimi_k2: ['merge'],
  kimi_k25: ['merge'],
  'kimi_k25-v5': ['merge'],
  lfm2_moe: ['merge'],
  llama4: ['every-output', 'elimination', 'routed-outputs', 'merge', 'recover router', 'naee, progressive'],
  longcat_flash: ['residual', 'elimination', 'merge', 'recover experts', 'recover router', 'naee, progressive'],
  mimo_v2_flash: ['merge'],
  minimax_m2: ['merge'],
  nemotron_h: ['merge'],
  'nemotron_h-latent': ['merge', 'recover experts', 'tsep', 'eep', 'evo-esap'],
  phimoe: ['recover router', 'eep, merge'],
  solar_open: ['merge'],
  step3p7: ['merge'],
  'step3p7-v5': ['merge'],
};

/** The codes of refusals that a property of the family explains. */
const codes = ['merge-unsupported', 'method-unsupported', 'recovery-unsupported', 'groups-uneven'];

/** The result, or the refusal. */
const tried = async <T>(work: () => Promise<T>): Promise<T | WorkbenchError> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WorkbenchError && error.kind === 'refused' && codes.includes(error.code)) return error;
    throw error;
  }
};

const texts = ['3a5c', '7b1', '2d4e6f', '8a9c2b', '1f3'].map((text) =>
  Array.from(text, (digit) => characterOf(1 + Number.parseInt(digit, 16))).join(''),
);
const items = texts.map((text, index) => ({ id: String(index), text }));
/** The same as items with answers: the tokenizers of most folders name no token that a text could begin with. */
const asked = items.map(({ id, text }) => ({ id, context: text.slice(0, 1), choices: [text.slice(1)], answer: 0 }));

const open = async (name: string): Promise<{ readonly runner: ModelRunner; readonly overlays: Overlays }> => {
  const folder = await changeableCopy(path.join(root, name));
  await addCharacters(folder);
  const overlayFolder = await temporaryFolder();
  const runner = await openModelRunner(await openCheckpoint(folder), {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    overlayFolder,
  });
  onTestFinished(() => runner.dispose());
  return { runner, overlays: overlaysIn(overlayFolder) };
};

/** A search with few candidates, for which experts stay or for matrices; the fitness is any number of the model. */
const search = async (
  runner: ModelRunner,
  method: MethodName,
  stage: 'prune' | 'merge',
  keep: number,
): Promise<void> => {
  const { checkpoint } = runner;
  const { behaviour } = methodNamed(method).prepare({ stage, evaluations: 2, initial: 1, switchAfter: 1 });
  if (behaviour.kind !== 'search' || behaviour.search !== 'evolution') throw new Error(`${method} does not evolve`);
  requireSearchable(checkpoint, method, behaviour.settings);
  const seen: string[] = [];
  await searchExperts({
    layers: checkpoint.info.moeLayers,
    experts: checkpoint.info.experts,
    keep,
    seed: 1,
    settings: behaviour.settings,
    signal: control.signal,
    fitness: async (candidate) => {
      seen.push(candidate.kind);
      await expectNumbers(runner, candidatePlan(candidate));
      return 1;
    },
  });
  expect(seen.at(-1)).toBe(stage === 'merge' ? 'matrices' : 'kept');
};

const expectNumbers = async (runner: ModelRunner, plan: Plan): Promise<void> => {
  const [result] = await runner.forward([[3, 5, 8, 2]], plan, control);
  expect(result?.logits.every((logit) => Number.isFinite(logit))).toBe(true);
};

describe.each(folders)('%s', (name) => {
  it('plans by every method, and refits, or says why not', async () => {
    const { runner, overlays } = await open(name);
    const { checkpoint } = runner;
    const { info } = checkpoint;
    const found = new Set<string>();
    const extras: ExtraStatistic[] = [];
    for (const extra of extraStatistics)
      if ((await tried(() => runner.profile(items, control, [extra]))) instanceof WorkbenchError) found.add(extra);
      else extras.push(extra);
    const statistics: RoutingStatistics = await runner.profile(items, control, extras);
    const keep = Math.max(info.topK, info.experts / 2);
    const planOf = (method: MethodName): Plan =>
      planForModel(checkpoint, {
        method,
        statistics: [statistics],
        budget: 'uniform',
        pins: [],
        seed: 0,
        keep,
        tasks: [],
      });
    const profiles = { statistics: [statistics], taskShares: [1] };
    for (const method of planned) {
      const needs = planNeeds({ method, budget: 'uniform' });
      if (needs.extras.some((extra) => found.has(extra))) continue;
      const plan = await tried(async () =>
        withConstants(
          await Promise.resolve().then(() => planOf(method)),
          needs.constants,
          checkpoint,
          profiles,
          overlays,
        ),
      );
      if (plan instanceof WorkbenchError) {
        found.add(method);
        continue;
      }
      const result = await tried(() => expectNumbers(runner, plan));
      if (result instanceof WorkbenchError) {
        expect(isMergePlan(plan), `${method}: ${result.message}`).toBe(true);
        expect(result.message).toContain(info.family);
        found.add('merge');
      }
    }
    for (const method of searched)
      for (const stage of ['prune', 'merge'] as const) {
        const result = await tried(() => search(runner, method, stage, keep));
        if (result instanceof WorkbenchError) found.add(stage === 'prune' ? method : `${method}, merge`);
      }
    const counts = Array.from({ length: info.moeLayers }, () => keep);
    const kept = await tried(() => runner.pruneProgressively(items, counts, control));
    if (kept instanceof WorkbenchError) found.add('naee, progressive');
    else await expectNumbers(runner, { kept });
    const evolution = { evaluations: 2, population: 2, parents: 1, shifts: 1, shift: 1, items: 2, order: 'frequency' };
    const allocated = await tried(() =>
      budgetPlan({ runner, statistics, calibration: asked, keep, seed: 1, settings: evolution, ...control }),
    );
    if (allocated instanceof WorkbenchError) found.add('evo-esap');
    else await expectNumbers(runner, allocated);
    const settings = { ridge: 1e-3, router: 'mapped-rows' } as const;
    const fitted = await tried(() => runner.mergeByOutputs(items, keep, settings, ['t'], control));
    if (!(fitted instanceof WorkbenchError)) await expectNumbers(runner, fitted);
    else found.add(fitted.code === 'merge-unsupported' ? 'merge' : 'merge-moe');
    const plan = planOf('frequency');
    for (const refit of ['experts', 'router'] as const) {
      const result = await tried(async () =>
        expectNumbers(runner, await runner.recover(plan, items, ['t'], control, refit)),
      );
      if (result instanceof WorkbenchError) found.add(`recover ${refit}`);
    }
    const wanted = new Set(refused[name] ?? []);
    // A search for matrices merges, too.
    if (wanted.has('merge')) wanted.add('eep, merge');
    expect([...found].sort()).toEqual([...wanted].sort());
  });
});
