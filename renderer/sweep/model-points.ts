import { methodOfLabel } from '../../main/contract/method.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import type { MethodName } from '../../main/contract/plan.ts';
import { runDurationMs, type RunManifest } from '../../main/contract/run.ts';
import { readSampler, samplerText } from '../../main/contract/sampling.ts';
import { factorKey, type SweepDocument, type SweepResult, type SweepSettings } from '../../main/contract/sweep.ts';
import { answersOf, type TaskEntry } from '../../main/contract/task.ts';
import { inputKey } from '../engine/query-cache.ts';
import { makingOf, nameInRun, type PlanMaking, type PlannedEntry, sweepSettingsOf } from './brought.ts';

export interface ReadSweep {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
}

/** A measured point, and the sweep that measured it. */
export interface RunResult {
  readonly run: string;
  readonly result: SweepResult;
}

/** Item limit of a sweep for each task; null if unlimited or if there is no sweep. */
export const limitOf = (manifest: RunManifest | null): number | null =>
  manifest === null ? null : (sweepSettingsOf(manifest)?.limit ?? null);

/** Answers of the unpruned model that the plans of a sweep are calibrated on; undefined: the right answers. */
export const ownCalibrationOf = (manifest: RunManifest | null): 'written' | 'endings' | undefined => {
  const calibration = manifest === null ? undefined : sweepSettingsOf(manifest)?.calibration;
  return calibration === 'answers' ? undefined : calibration;
};

/** How a sweep draws written answers, for another one like it; empty where it takes the likeliest tokens. */
export const samplingOf = (manifest: RunManifest | null): Pick<SweepSettings, 'sample' | 'repeats'> => {
  const { sample, repeats } = (manifest === null ? null : sweepSettingsOf(manifest)) ?? {};
  return sample === undefined ? {} : { sample, ...(repeats === undefined ? {} : { repeats }) };
};

/** Settings that must agree for written answers of two sweeps to be comparable: calibration and sampler. */
const writingOf = ({ calibration = 'answers', sample, repeats = 1 }: SweepSettings): string =>
  JSON.stringify([calibration, sample === undefined ? null : samplerText(readSampler(sample)), repeats]);

const isSameMaking = (left: PlanMaking, right: PlanMaking): boolean => inputKey(left) === inputKey(right);

/** Text of the file that a method of a sweep is; undefined for others. */
const fileIn = ({ files }: SweepSettings, method: MethodName | null): string | undefined =>
  method === null ? undefined : files?.[method]?.text;

/** Whether a method that is a file in a sweep means nothing else in the sweep shown, and its prompts are the same. */
const isSameFile = (settings: SweepSettings, shown: SweepSettings, method: MethodName | null): boolean =>
  (settings.chat === true) === (shown.chat === true) &&
  (fileIn(shown, method) === undefined || fileIn(shown, method) === fileIn(settings, method));

/** Whether the run contains this task with the same content. */
const ofTask = ({ manifest }: ReadSweep, { name, hash }: Pick<TaskEntry, 'name' | 'hash'>): boolean =>
  manifest.tasks.some((task) => task.name === name && (hash === null || task.hash === hash));

interface Wanted {
  readonly model: Pick<ModelEntry, 'fingerprint' | 'sha256'> & PlannedEntry;
  readonly task: Pick<TaskEntry, 'name' | 'hash' | 'metric'>;
  /** The method of the current plan, and how that plan is made; null: as in the sweep shown. */
  readonly method: MethodName;
  readonly making: PlanMaking | null;
}

/**
 * Measured points of a model on a task: those of the sweep shown (the first), and those of other sweeps with the same
 * plan settings and item limit. For the current method, points must match the settings of the current plan. With
 * written answers, calibration and sampler must match those of the sweep shown. If a point was measured twice,
 * the earlier sweep in the list wins.
 */
export const modelPoints = (sweeps: readonly ReadSweep[], { model, task, method, making }: Wanted): RunResult[] => {
  const [first] = sweeps;
  const shown = first === undefined ? null : sweepSettingsOf(first.manifest);
  if (shown === null) return [];
  const known = new Set<string>();
  const isWritten = answersOf(task) === 'written';
  return sweeps.flatMap((sweep) => {
    const settings = sweepSettingsOf(sweep.manifest);
    const name = nameInRun(sweep.manifest, model);
    if (settings === null || name === null || !ofTask(sweep, task) || settings.limit !== shown.limit) return [];
    if (isWritten ? writingOf(settings) !== writingOf(shown) : ownCalibrationOf(sweep.manifest) !== undefined)
      return [];
    return sweep.document.results.flatMap((result) => {
      if (result.model !== name || result.task !== task.name) return [];
      const bare = methodOfLabel(result.method).method;
      const wanted = bare === method && making !== null ? making : makingOf(shown, bare, model);
      const key = JSON.stringify([result.method, result.seed, factorKey(result.factor)]);
      const file = fileIn(settings, bare);
      const isSame =
        file === undefined ? isSameMaking(makingOf(settings, bare, model), wanted) : isSameFile(settings, shown, bare);
      if (known.has(key) || !isSame) return [];
      known.add(key);
      return [{ run: sweep.manifest.id, result }];
    });
  });
};

/** Points of a method that were measured by a sweep other than the one shown. */
export interface PooledCurve {
  readonly run: string;
  readonly method: MethodName;
  /** Ascending. */
  readonly factors: readonly number[];
}

/** The curves, or parts of curves, that come from other sweeps than the one shown. */
export const pooledCurves = (points: readonly RunResult[], shown: string | null): readonly PooledCurve[] => {
  const others = points.filter(({ run, result }) => run !== shown && result.factor > 1);
  const curves = new Map<string, { run: string; method: MethodName; factors: Map<string, number> }>();
  for (const { run, result } of others) {
    const key = JSON.stringify([run, result.method]);
    const curve = curves.get(key) ?? { run, method: result.method, factors: new Map<string, number>() };
    curves.set(key, curve);
    curve.factors.set(factorKey(result.factor), result.factor);
  }
  return [...curves.values()].map(({ factors, ...curve }) => ({
    ...curve,
    factors: [...factors.values()].sort((a, b) => a - b),
  }));
};

/** Finished sweeps used for an estimate; several, so that one that waited or reused much from disk does not decide. */
const MOST_BASES = 5;

/** Seconds from a sweep's creation to its end, per item and parameter used for a token; null if unknown. */
const paceOf = ({ manifest, document }: ReadSweep, activeOf: (model: string) => number): number | null => {
  const took = manifest.state === 'done' ? runDurationMs(manifest) : null;
  const itemsOf = new Map<string, number>();
  for (const { n, model } of document.results) itemsOf.set(model, (itemsOf.get(model) ?? 0) + n);
  const work = [...itemsOf].reduce((sum, [model, items]) => sum + items * activeOf(model), 0);
  return took !== null && work > 0 ? took / 1000 / work : null;
};

/**
 * Estimated seconds of one more evaluation, from earlier sweeps: items weighted by the parameters used for a token.
 * Takes the median of this machine's newest finished sweeps, since run times include waiting; if there are none, the
 * sample. Null if nothing is finished.
 */
export const secondsFor = (
  sweeps: readonly ReadSweep[],
  models: readonly ModelEntry[],
  model: Pick<ModelEntry, 'info'>,
  items: number,
): number | null => {
  const active = model.info?.parameters.active ?? null;
  if (active === null) return null;
  const pacesOf = (sweeps: readonly ReadSweep[]): readonly number[] =>
    sweeps.flatMap((sweep) => {
      const activeOf = (name: string): number =>
        models.find((known) => nameInRun(sweep.manifest, known) === name)?.info?.parameters.active ?? active;
      return paceOf(sweep, activeOf) ?? [];
    });
  const newest = [...sweeps].sort((left, right) => right.manifest.createdAt.localeCompare(left.manifest.createdAt));
  const recordedPaces = pacesOf(newest.filter(({ manifest }) => manifest.sample !== true)).slice(0, MOST_BASES);
  const paces = recordedPaces.length > 0 ? recordedPaces : pacesOf(newest).slice(0, 1);
  const pace = [...paces].sort((left, right) => left - right)[Math.floor((paces.length - 1) / 2)];
  return pace === undefined ? null : pace * items * active;
};
