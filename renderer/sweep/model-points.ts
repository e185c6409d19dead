import { methodOfLabel } from '../../main/contract/method.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import type { MethodName } from '../../main/contract/plan.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { factorKey } from '../../main/contract/sweep.ts';
import type { SweepDocument, SweepResult } from '../../main/contract/sweep.ts';
import { answersOf, type TaskEntry } from '../../main/contract/task.ts';
import { inputKey } from '../engine/query-cache.ts';
import { nameInRun } from './brought.ts';
import { makingOf, sweepSettingsOf } from './plan-making.ts';
import type { PlanMaking } from './plan-making.ts';

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

/** Test items that a sweep is limited to, of each task; null: all, or there is no sweep. */
export const limitOf = (manifest: RunManifest | null): number | null =>
  manifest === null ? null : (sweepSettingsOf(manifest)?.limit ?? null);

/** Whether the plans of a sweep are made from what the unpruned model writes, where it writes. */
export const calibratesOnWritten = (manifest: RunManifest | null): boolean =>
  manifest !== null && sweepSettingsOf(manifest)?.calibration === 'written';

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
  const shown = first === undefined ? null : sweepSettingsOf(first.manifest);
  if (shown === null) return [];
  const known = new Set<string>();
  const calibration = answersOf(task) === 'written' ? shown.calibration : 'answers';
  return sweeps.flatMap((sweep) => {
    const settings = sweepSettingsOf(sweep.manifest);
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

/** Finished sweeps that an estimate is made from: of a few, one that waited or found much on disk does not decide. */
const MOST_BASES = 5;

/**
 * Seconds from a sweep's creation to its end for an item and a parameter that a token uses; null where it tells none.
 */
const paceOf = ({ manifest, document }: ReadSweep, activeOf: (model: string) => number): number | null => {
  if (manifest.finishedAt === null || manifest.state !== 'done') return null;
  const work = document.results.reduce((sum, { n, model }) => sum + n * activeOf(model), 0);
  return work > 0 ? (Date.parse(manifest.finishedAt) - Date.parse(manifest.createdAt)) / 1000 / work : null;
};

/**
 * Seconds that one more evaluation takes, by what earlier sweeps took: items weighted by the parameters that a token
 * uses. The median of the newest finished ones of this machine, since the time of a run holds what it waited; of the
 * sample where there is none. Null where nothing is finished.
 */
export const secondsFor = (
  sweeps: readonly ReadSweep[],
  models: readonly ModelEntry[],
  model: Pick<ModelEntry, 'info'>,
  items: number,
): number | null => {
  const active = model.info?.parameters.active ?? null;
  if (active === null) return null;
  const pacesOf = (own: readonly ReadSweep[]): readonly number[] =>
    own.flatMap((sweep) => {
      const activeOf = (name: string): number =>
        models.find((known) => nameInRun(sweep.manifest, known) === name)?.info?.parameters.active ?? active;
      return paceOf(sweep, activeOf) ?? [];
    });
  const newest = [...sweeps].sort((left, right) => right.manifest.createdAt.localeCompare(left.manifest.createdAt));
  const own = pacesOf(newest.filter(({ manifest }) => manifest.sample !== true)).slice(0, MOST_BASES);
  const paces = own.length > 0 ? own : pacesOf(newest).slice(0, 1);
  const pace = [...paces].sort((left, right) => left - right)[Math.floor((paces.length - 1) / 2)];
  return pace === undefined ? null : pace * items * active;
};
