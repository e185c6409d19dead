import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { FitDocument } from '../../main/contract/fit.ts';
import type { SweepResult } from '../../main/contract/sweep.ts';
import { weightsOfLabel } from '../../main/contract/method.ts';
import { createEngine } from '../../main/engine/engine.ts';
import { planCandidates } from '../../main/jobs/fit-candidates.ts';
import { fitSettings } from '../../main/contract/fit.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { createStepStore } from '../../main/workspace/step-store.ts';

// The recommendation of `uncurl fit` against the best uniform point of a sweep of equal bytes, both on fresh items.
//
// The test items of a bundled task are divided by each seed: half A chooses the best point of a sweep over every
// candidate that fits (its accuracy on A; ties to fewer bytes), half B is fresh for both. The search sees calibration
// items alone. Prints for each seed what both chose, their differences to the unpruned model on B, and the answers to
// items that each needed before its choice; then the mean difference with its standard error, and how often the search
// called a model safe that is worse than the margin on all test items.
//
//   npx node tests/bench/fit.ts MODEL TASK BYTES SEEDS [FORMAT]

const resources = path.join(import.meta.dirname, '..', '..', 'resources');

/** A copy of a bundled task whose test items are some of its own. */
const partOfTask = async (task: string, name: string, folder: string, lines: readonly string[]): Promise<string> => {
  const copy = path.join(folder, name);
  await cp(path.join(resources, 'tasks', task), copy, { recursive: true });
  const file = path.join(copy, 'task.json');
  const about = z.looseObject({}).parse(JSON.parse(await readFile(file, 'utf8')));
  await writeFile(file, JSON.stringify({ ...about, name }));
  await writeFile(path.join(copy, 'test.jsonl'), `${lines.join('\n')}\n`);
  return copy;
};

const points = (difference: number): string => (100 * difference).toFixed(1);

const measure = async (model: string, task: string, bytes: number, seeds: number, format: 'hf' | 'gguf') => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'uncurl-bench-fit-'));
  const differences: number[] = [];
  let [asked, needed, calledSafe, wrong] = [0, 0, 0, 0];
  try {
    const modelPath = path.join(resources, 'models', model);
    const checkpoint = await openCheckpoint(modelPath);
    const overlays = createStepStore({ steps: folder, overlays: folder, temporary: folder }).overlays;
    const all = (await readFile(path.join(resources, 'tasks', task, 'test.jsonl'), 'utf8')).trim().split('\n');
    for (let seed = 0; seed < seeds; seed += 1) {
      const order = seededRandom(1000 + seed).shuffle(all);
      const half = Math.floor(order.length / 2);
      const own = path.join(folder, `seed-${String(seed)}`);
      await mkdir(own);
      const [forSweep, fresh, whole] = [
        await partOfTask(task, `${task}-a`, own, order.slice(0, half)),
        await partOfTask(task, `${task}-b`, own, order.slice(half)),
        await partOfTask(task, `${task}-whole`, own, all),
      ];
      const engine = await createEngine({
        workspace: path.join(own, 'workspace'),
        resources,
        commandLine: 'bench',
        threads: 1,
      });
      try {
        const limit = { kind: 'bytes', bytes } as const;
        const settings = { ...fitSettings.parse({ limit, format, seed, finalists: 0 }), format };
        const request = { model: engine.grantPath(modelPath), limit, format, seed, finalists: 0 };
        const started = await engine.call('fit.start', {
          ...request,
          task: engine.grantPath(fresh),
          elsewhere: [engine.grantPath(whole)],
        });
        await engine.finished(started.run);
        const found: FitDocument = await engine.call('fit.read', { run: started.run });
        const { candidates } = await planCandidates(checkpoint, settings, overlays);
        const counts = [...new Set(candidates.flatMap(({ kept }) => (typeof kept === 'number' ? [kept] : [])))];
        const types = [...new Set(candidates.map(({ weights }) => weights))];
        const sweep = async (path: string): Promise<readonly SweepResult[]> => {
          const { run } = await engine.call('sweep.start', {
            models: [engine.grantPath(modelPath)],
            tasks: [engine.grantPath(path)],
            settings: {
              methods: [...settings.methods],
              factors: counts.map((count) => checkpoint.info.experts / count),
              weights: types,
            },
            candidates: [],
          });
          await engine.finished(run);
          return (await engine.call('sweep.read', { run })).results;
        };
        const fits = ({ method, kept }: SweepResult): boolean => {
          const weights = weightsOfLabel(method).weights ?? 'stored';
          return candidates.some((candidate) => candidate.kept === kept && candidate.weights === weights);
        };
        const measured = await sweep(forSweep);
        const [best] = measured
          .filter(fits)
          .sort((one, other) => other.value - one.value || (one.cost?.bytes ?? 0) - (other.cost?.bytes ?? 0));
        const judged = (await sweep(fresh)).find(
          (result) => result.method === best?.method && result.kept === best.kept,
        );
        const [tested] = found.tested;
        const [onAll] = found.elsewhere;
        if (judged === undefined || tested === undefined || onAll === undefined) throw new Error('nothing to compare');
        differences.push(tested.result.difference - judged.difference);
        asked += found.evaluations;
        // Only points that fit are counted: a user would measure no others.
        needed += candidates.length * half;
        if (tested.verdict === 'safe') {
          calledSafe += 1;
          if (onAll.result.difference < -settings.delta) wrong += 1;
        }
        console.log(
          [
            `${model} ${task} ${String(bytes)} seed ${String(seed)}:`,
            `fit ${found.recommended ?? ''} ${points(tested.result.difference)} (${tested.verdict ?? ''})`,
            `sweep ${judged.method} ${String(judged.kept)} ${points(judged.difference)}`,
            `answers ${String(found.evaluations)} of ${String(candidates.length * half)}`,
          ].join('  '),
        );
      } finally {
        await engine.dispose();
      }
    }
    const mean = differences.reduce((sum, one) => sum + one, 0) / differences.length;
    const squares = differences.reduce((sum, one) => sum + (one - mean) ** 2, 0);
    const error = Math.sqrt(squares / Math.max(1, differences.length - 1) / differences.length);
    console.log(
      `${model} ${task} ${String(bytes)}: fit minus sweep ${points(mean)} +- ${points(error)} points over ` +
        `${String(seeds)} seeds; lost in ${String(differences.filter((one) => one < 0).length)}, won in ` +
        `${String(differences.filter((one) => one > 0).length)}; ${(asked / needed).toFixed(2)} of the sweep's ` +
        `answers; safe ${String(calledSafe)} times, of which ${String(wrong)} lose more than the margin on all items`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const [model, task, bytes, seeds, format = 'gguf'] = process.argv.slice(2);
if (model === undefined || task === undefined || bytes === undefined || seeds === undefined)
  throw new Error('npx node tests/bench/fit.ts MODEL TASK BYTES SEEDS [FORMAT]');
await measure(model, task, Number(bytes), Number(seeds), z.enum(['hf', 'gguf']).parse(format));
