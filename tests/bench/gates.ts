import os from 'node:os';
import path from 'node:path';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { isMergePlan, type MergePlan, type MethodOptions, type Plan } from '../../main/contract/plan.ts';
import { isRight } from '../../main/evaluation/item-answers.ts';
import type { ModelRunner } from '../../main/inference/model-runner.ts';
import type { RoutingStatistics } from '../../main/profile/routing-statistics.ts';
import { withGates } from '../../main/pruning/gates.ts';
import { planForModel } from '../../main/pruning/make-plan.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import type { Task } from '../../main/tasks/task.ts';
import { openModelRunner } from '../open-model-runner.ts';

/**
 * Accuracy of pruned models whose gates grow, by what makes up for it: factors folded into the down projections of
 * dropped plans and refits of these, or of merged plans one factor for a layer (the mean probability of the references)
 * and one for each group, as folded plans have them.
 *
 * Method: switch-32, switch-64 and switch-128 (or the named models) on German and French (300 chosen items each).
 * Prints for each method and factor the mean accuracy over models, tasks and draws in per cent, and the difference to
 * the first form with its 95 % interval for paired items.
 * Usage: npx node tests/bench/gates.ts merged|refit [MODEL ...]
 */

const control = { signal: new AbortController().signal };
const resources = path.resolve(import.meta.dirname, '../../resources');

interface Subject {
  readonly checkpoint: Checkpoint;
  readonly runner: ModelRunner;
  readonly task: Task;
  readonly statistics: RoutingStatistics;
}

/** Forms of one plan by name, each made when it is measured; the first is what the others are compared with. */
interface Cell {
  readonly name: string;
  readonly forms: Readonly<Record<string, () => Plan | Promise<Plan>>>;
}

const planOf = (
  { checkpoint, task, statistics }: Subject,
  made: { readonly method: string; readonly factor: number; readonly seed?: number; readonly options?: MethodOptions },
): Plan =>
  planForModel(checkpoint, {
    keep: checkpoint.info.experts / made.factor,
    budget: 'uniform',
    pins: [],
    protect: 'none',
    seed: made.seed ?? 0,
    method: made.method,
    options: made.options ?? {},
    statistics: [statistics],
    tasks: [task.name],
  });

const folded = ({ checkpoint, statistics }: Subject, plan: Plan): Plan =>
  withGates(plan, 'folded', checkpoint.info, { statistics: [statistics], taskShares: [1] });

const MERGES: readonly (readonly [name: string, method: string, options: MethodOptions, draws: number])[] = [
  ['UNCURL', 'uncurl', {}, 3],
  ['UNCURL, mean rows', 'uncurl', { router: 'mean-row' }, 1],
  ['frequency merging', 'frequency-merging', {}, 1],
  ['HC-SMoE, reference rows', 'hc-smoe', { router: 'reference-row' }, 1],
];

/** The mean probability of the references of each layer, as one factor. */
const byLayer = ({ experts, tokens, probabilityMass }: RoutingStatistics, { groups }: MergePlan): number[] =>
  groups.map((own, layer) =>
    own.reduce((sum, { reference }) => sum + (probabilityMass[layer * experts + reference] ?? 0) / tokens, 0),
  );

function* merged(subject: Subject): Generator<Cell> {
  for (const [title, method, options, draws] of MERGES)
    for (const factor of [2, 4, 8])
      for (let seed = 0; seed < draws; seed += 1) {
        const plan = planOf(subject, { method, factor, seed, options });
        if (!isMergePlan(plan)) throw new Error(`${method} does not merge`);
        const gates = { kind: 'folded' as const, factors: byLayer(subject.statistics, plan) };
        yield {
          name: `${title} x${String(factor)}`,
          forms: { 'as merged': () => plan, layer: () => ({ ...plan, gates }), group: () => folded(subject, plan) },
        };
      }
}

/** Refits of the down projections alone, and on top of folded gates. */
function* refit(subject: Subject): Generator<Cell> {
  const { runner, task } = subject;
  const refitted = (plan: Plan): Promise<Plan> =>
    runner.recover(plan, task.calibration, [task.name], control, 'experts');
  for (const method of ['frequency', 'reap']) {
    const deleted = planOf(subject, { method, factor: 4 });
    const plan = folded(subject, deleted);
    yield {
      name: `${method} x4`,
      forms: {
        folded: () => plan,
        'as deleted': () => deleted,
        'as deleted, refitted': () => refitted(deleted),
        'folded, refitted': () => refitted(plan),
      },
    };
  }
}

const PARTS = { merged, refit } as const;
const [, , part = '', ...named] = process.argv;
const cellsOf = Object.entries(PARTS).find(([name]) => name === part)?.[1];
if (cellsOf === undefined) throw new Error(`${part} must be ${Object.keys(PARTS).join(' or ')}`);

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Per cell and form the answers of each model and task: per item, the share of draws that had it right. */
const measured = new Map<string, Map<string, number[][]>>();
const note = (name: string, form: string, draws: readonly number[][]): void => {
  const forms = measured.get(name) ?? new Map<string, number[][]>();
  const items = draws[0]?.map((_, item) => mean(draws.map((draw) => draw[item] ?? Number.NaN))) ?? [];
  measured.set(name, forms.set(form, [...(forms.get(form) ?? []), items]));
};

for (const model of named.length > 0 ? named : ['switch-32', 'switch-64', 'switch-128']) {
  const checkpoint = await openCheckpoint(path.join(resources, 'models', model));
  const overlayFolder = path.join(os.tmpdir(), 'uncurl-bench-overlays');
  const runner = await openModelRunner(checkpoint, { threads: 1, memoryBudgetBytes: Infinity, overlayFolder });
  for (const name of ['german', 'french']) {
    const task = await loadTask(path.join(resources, 'tasks', name));
    const statistics = await runner.profile(task.calibration, control, ['every-output']);
    const draws = new Map<string, Map<string, number[][]>>();
    for (const cell of cellsOf({ checkpoint, runner, task, statistics })) {
      const candidates: { key: string; plan: Plan }[] = [];
      for (const [key, made] of Object.entries(cell.forms)) candidates.push({ key, plan: await made() });
      const own = draws.get(cell.name) ?? new Map<string, number[][]>();
      draws.set(cell.name, own);
      for (const [form, outcomes] of await runner.evaluate(task.test, candidates, control)) {
        const right = outcomes.flatMap((outcome) =>
          outcome.kind === 'text' ? [] : [Number(isRight(task.metric, outcome))],
        );
        own.set(form, [...(own.get(form) ?? []), right]);
      }
    }
    for (const [cell, forms] of draws) for (const [form, right] of forms) note(cell, form, right);
  }
  await runner.dispose();
}

for (const [name, forms] of measured) {
  const [first = ''] = forms.keys();
  const compared = forms.get(first) ?? [];
  const words = [...forms].map(([form, rows]) => {
    const text = `${form} ${(100 * mean(rows.map(mean))).toFixed(1)}`;
    if (form === first) return text;
    const moved = rows.map((row, cell) => row.map((right, item) => right - (compared[cell]?.[item] ?? Number.NaN)));
    const variances = moved.map((own) => mean(own.map((value) => (value - mean(own)) ** 2)) / own.length);
    const half = (1.96 * Math.sqrt(variances.reduce((sum, value) => sum + value, 0))) / moved.length;
    const middle = mean(moved.map(mean));
    const [at, low, high] = [middle, middle - half, middle + half].map((value) => (100 * value).toFixed(1));
    return `${text} (${at ?? ''} [${low ?? ''}, ${high ?? ''}])`;
  });
  process.stdout.write(`${name.padEnd(28)} ${words.join('   ')}\n`);
}
