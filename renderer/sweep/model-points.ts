import { methodOfLabel } from '../../main/contract/method.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import type { MethodName, MethodOptions } from '../../main/contract/plan.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { factorKey, recordedSweepSettings } from '../../main/contract/sweep.ts';
import type { SweepDocument, SweepResult, SweepSettings } from '../../main/contract/sweep.ts';
import { answersOf, type TaskEntry } from '../../main/contract/task.ts';
import { inputKey } from '../engine/query-cache.ts';
import { ignoresBudget } from '../plan/plan-input.ts';
import { nameInRun } from './brought.ts';

/** What a plan was made with, beside its method and factor. */
export interface PlanMaking {
  readonly budget: SweepSettings['budget'];
  readonly protect: SweepSettings['protect'];
  readonly options: MethodOptions;
  readonly chat: boolean;
}

/** A sweep and what it measured. */
export interface ReadSweep {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
}

/** A measured point, and the sweep that measured it. */
export interface RunResult {
  readonly run: string;
  readonly result: SweepResult;
}

const settingsOf = ({ manifest }: Pick<ReadSweep, 'manifest'>): SweepSettings | null => {
  const read = recordedSweepSettings.safeParse(manifest.spec['settings'] ?? manifest.spec);
  return read.success ? read.data : null;
};

/** Test items that a sweep is limited to, of each task; null: all, or there is no sweep. */
export const limitOf = (manifest: RunManifest | null): number | null =>
  manifest === null ? null : (settingsOf({ manifest })?.limit ?? null);

/** Whether the plans of a sweep are made from what the unpruned model writes, where it writes. */
export const calibratesOnWritten = (manifest: RunManifest | null): boolean =>
  manifest !== null && settingsOf({ manifest })?.calibration === 'written';

/** How a sweep made the plans of a method. */
export const makingOf = (settings: SweepSettings, method: MethodName | null): PlanMaking => ({
  budget: method !== null && ignoresBudget(method) ? 'uniform' : settings.budget,
  protect: settings.protect,
  options: (method === null ? undefined : settings.options[method]) ?? {},
  chat: settings.chat === true,
});

const isSameMaking = (left: PlanMaking, right: PlanMaking): boolean => inputKey(left) === inputKey(right);

/** The task in a run, where it was the same then. */
const ofTask = ({ manifest }: ReadSweep, { name, hash }: Pick<TaskEntry, 'name' | 'hash'>): boolean =>
  manifest.tasks.some((task) => task.name === name && (hash === null || task.hash === hash));

interface Wanted {
  readonly model: Pick<ModelEntry, 'fingerprint'>;
  readonly task: Pick<TaskEntry, 'name' | 'hash' | 'metric'>;
  /** The method of the plan on screen, and how that plan is made; null: as in the sweep shown. */
  readonly method: MethodName;
  readonly making: PlanMaking | null;
}

/**
 * What is measured of a model on a task: the points of the sweep shown (the first), and those of the others whose plans
 * were made alike and measured on as many items. Points of the method on screen are those of plans made as the one on
 * screen. Where answers are written, plans are calibrated as in the sweep shown. A point that was measured twice is
 * that of the earlier sweep in the list.
 */
export const modelPoints = (sweeps: readonly ReadSweep[], { model, task, method, making }: Wanted): RunResult[] => {
  const [first] = sweeps;
  const shown = first === undefined ? null : settingsOf(first);
  if (shown === null) return [];
  const known = new Set<string>();
  const calibration = answersOf(task) === 'written' ? shown.calibration : 'answers';
  return sweeps.flatMap((sweep) => {
    const settings = settingsOf(sweep);
    const name = nameInRun(sweep.manifest, model);
    if (settings === null || name === null || !ofTask(sweep, task) || settings.limit !== shown.limit) return [];
    if ((settings.calibration ?? 'answers') !== (calibration ?? 'answers')) return [];
    return sweep.document.results.flatMap((result) => {
      if (result.model !== name || result.task !== task.name) return [];
      const own = methodOfLabel(result.method).method;
      const wanted = own === method && making !== null ? making : makingOf(shown, own);
      const key = JSON.stringify([result.method, result.seed, factorKey(result.factor)]);
      if (known.has(key) || !isSameMaking(makingOf(settings, own), wanted)) return [];
      known.add(key);
      return [{ run: sweep.manifest.id, result }];
    });
  });
};

/**
 * Seconds that one more evaluation takes, by what earlier sweeps took: items weighted by the parameters that a token
 * uses. The newest finished one of this machine counts, else the sample; null where there is none.
 */
export const secondsFor = (
  sweeps: readonly ReadSweep[],
  models: readonly ModelEntry[],
  model: Pick<ModelEntry, 'info'>,
  items: number,
): number | null => {
  const finished = sweeps.filter(({ manifest }) => manifest.finishedAt !== null && manifest.state === 'done');
  const basis = finished.find(({ manifest }) => manifest.sample !== true) ?? finished[0];
  const active = model.info?.parameters.active ?? null;
  if (basis === undefined || active === null || basis.manifest.finishedAt === null) return null;
  const activeOf = (name: string): number =>
    models.find((known) => nameInRun(basis.manifest, known) === name)?.info?.parameters.active ?? active;
  const work = basis.document.results.reduce((sum, { n, model: name }) => sum + n * activeOf(name), 0);
  const elapsedMs = Date.parse(basis.manifest.finishedAt) - Date.parse(basis.manifest.createdAt);
  return work > 0 ? (elapsedMs / 1000) * ((items * active) / work) : null;
};
