import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { CancelledError, expected, refuse } from '../contract/errors.ts';
import { curveLabel } from '../contract/method.ts';
import { waveOrder } from '../evaluation/kept-counts.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { acquireRunLock, HEARTBEAT_MS, type RunLock } from '../workspace/run-lock.ts';
import type { JobContext, RunModel } from './job-context.ts';
import { totalWork } from './step.ts';
import {
  type CountedCurve,
  type PlannedStage,
  planStages,
  type Stage,
  stageSteps,
  type SweepInput,
  type SweepSink,
} from './sweep-stages.ts';
import { calibrationDrawSteps, drawnCurves, measureCalibrationDraws } from './sweep-calibration-draws.ts';
import { measureStage, measureUnpruned } from './sweep-job.ts';
import {
  DONE_FILE,
  doneFile,
  HARDWARE_FILE,
  holderOf,
  MAX_NOTE_BYTES,
  readNote,
  unitFolder,
  WORK_FOLDER,
} from './work-folder.ts';

/** How often an idle worker checks whether another one has finished or died. */
const LOOK_EVERY_MS = 500;

/** A part of a sweep that one process measures alone. */
interface SweepUnit {
  /** Equal in every process that works on the sweep; the name of a folder. */
  readonly id: string;
  readonly planned: PlannedStage;
  /** Null: the profile and the unpruned model, which all other parts of the stage need first. */
  readonly part: string | null;
  /** Method, seed and kept experts, where the part has them. */
  readonly method: string | null;
  readonly seed: number | null;
  readonly kept: number | null;
  measure(stage: Stage): Promise<void>;
}

const HASH_CHARACTERS = 12;

const unitOf = (
  planned: PlannedStage,
  named: Pick<SweepUnit, 'part' | 'method' | 'seed' | 'kept'>,
  measure: SweepUnit['measure'],
): SweepUnit => {
  const identity = canonicalJson({
    model: planned.measurement.model.name,
    task: planned.measurement.task.name,
    ...named,
  });
  const id = createHash('sha256').update(identity).digest('hex').slice(0, HASH_CHARACTERS);
  return { id, planned, ...named, measure };
};

/** The parts of a stage's curves: the middle of every curve's range first, all curves side by side. */
const curveParts = (planned: PlannedStage, { settings }: SweepInput): readonly SweepUnit[] => {
  const { curves, measurement } = planned;
  const partOf = (curve: CountedCurve, counts: readonly number[], kept: number | null): SweepUnit => {
    const method = curveLabel(curve.method, curve.refit, curve.weights);
    const { seed } = curve;
    const drawn = seed === null ? method : `${method} (seed ${String(seed)})`;
    const part = kept === null ? drawn : `${drawn}, ${String(kept)} kept`;
    return unitOf(planned, { part, method, seed, kept }, (stage) => measureStage(stage, [{ ...curve, counts }], []));
  };
  // Where a curve's next candidate depends on the last one, the curve is one part; otherwise each candidate is.
  if (settings.adaptive || settings.stop === 'early') return curves.map((curve) => partOf(curve, curve.counts, null));
  const open = curves.map(({ counts }) => ({ missing: counts, tested: [] }));
  return waveOrder(open, measurement.model.checkpoint.info.experts).flatMap(([index, kept]) => {
    const curve = curves[index];
    return curve === undefined ? [] : [partOf(curve, [kept], kept)];
  });
};

/** The calibration draws of a stage, by curve: their plans are made from profiles of draws that every part reads. */
const drawParts = (planned: PlannedStage): readonly SweepUnit[] =>
  planned.settings.calibrationDraws === undefined
    ? []
    : drawnCurves(planned).map((curve) => {
        const method = curveLabel(curve.method, curve.refit);
        const named = { part: `${method}, calibration draws`, method, seed: curve.seed, kept: null };
        return unitOf(planned, named, (stage) => measureCalibrationDraws(stage, [curve]));
      });

/** All parts of a sweep, in the best order. */
const sweepUnits = (stages: readonly PlannedStage[], input: SweepInput): readonly SweepUnit[] =>
  stages.flatMap((planned) => [
    unitOf(planned, { part: null, method: null, seed: null, kept: null }, async (stage) => {
      await measureUnpruned(stage);
    }),
    ...curveParts(planned, input),
    ...drawParts(planned),
    ...(input.candidates ?? []).map((folder: RunModel) =>
      unitOf(planned, { part: folder.name, method: folder.name, seed: null, kept: null }, (stage) =>
        measureStage(stage, [], [folder]),
      ),
    ),
  ]);

/** The parts of a sweep that a worker takes: every n-th from the i-th on, or any free one until all are done. */
export type WorkShare =
  { readonly kind: 'share'; readonly index: number; readonly of: number } | { readonly kind: 'until-empty' };

export type StepState = 'on disk' | 'being computed' | 'to do';

/** A part of a sweep as listed by `uncurl steps`. */
export interface ListedStep extends Pick<SweepUnit, 'id' | 'part' | 'method' | 'seed' | 'kept'> {
  readonly model: string;
  readonly task: string;
  readonly state: StepState;
  /** The worker that computes it; null without one. */
  readonly holder: string | null;
}

/** Discards records: the process that resumes the run makes its record from the steps. */
const NOWHERE: SweepSink = { add: () => Promise.resolve(), note: () => undefined };

const stagesOf = (): ((unit: SweepUnit) => Promise<Stage>) => {
  const opened = new Map<SweepUnit['planned'], Stage>();
  return async ({ planned }) => {
    const stage = opened.get(planned) ?? (await planned.open(NOWHERE));
    opened.set(planned, stage);
    return stage;
  };
};

class NotOnDiskError extends Error {}

/** A context that reads steps and refuses to compute any. Overlays made from a profile are named but not written. */
const readingOnly = (context: JobContext): JobContext => {
  const refused = (): Promise<never> => Promise.reject(new NotOnDiskError());
  const { steps } = context;
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    ...context,
    runners: { open: refused, openAlone: refused, close: nothing, closeAll: nothing },
    steps: {
      ...steps,
      writeJson: refused,
      writeTensors: refused,
      overlays: {
        read: steps.overlays.read,
        write: (key) => Promise.resolve({ isSound: true, file: steps.path(key, 'overlay'), sha256: '' }),
      },
    },
  };
};

/** Without speeds: they are not steps, and only the process that makes the run's record measures them. */
const withoutSpeeds = (input: SweepInput): SweepInput => ({ ...input, settings: { ...input.settings, speed: false } });

/** Counts the parts of a sweep. Computes nothing. */
export const countParts = async (context: JobContext, input: SweepInput): Promise<number> => {
  const { stages } = await planStages(readingOnly(context), input);
  return sweepUnits(stages, input).length;
};

/** Lists every part of a sweep and whether its steps are stored. Computes nothing. */
export const listSteps = async (context: JobContext, input: SweepInput): Promise<readonly ListedStep[]> => {
  const { stages } = await planStages(readingOnly(context), withoutSpeeds(input));
  const stageOf = stagesOf();
  const listed: ListedStep[] = [];
  for (const unit of sweepUnits(stages, input)) {
    const { id, part, method, seed, kept, planned } = unit;
    let isThere = true;
    try {
      await unit.measure(await stageOf(unit));
    } catch (error) {
      if (!(error instanceof NotOnDiskError)) throw error;
      isThere = false;
    }
    const folder = unitFolder(context.folder, unit.id);
    const holder = isThere || (await readNote(join(folder, DONE_FILE))) !== null ? null : await holderOf(folder);
    const state = isThere ? 'on disk' : holder === null ? 'to do' : 'being computed';
    const { model, task } = planned.measurement;
    listed.push({ id, model: model.name, task: task.name, part, method, seed, kept, state, holder });
  }
  return listed;
};

/** Takes the lock of a part; null where another worker has it. */
const take = async (folder: string): Promise<RunLock | null> => {
  await mkdir(folder, { recursive: true });
  return acquireRunLock(folder).catch(expected(() => null, 'run-locked'));
};

/** The properties of a worker's hardware that may affect numbers. */
export interface WorkerHardware {
  readonly provider: string;
  readonly precision: string;
  readonly processor: string;
}

const hardwareFile = z.object({ provider: boundedText, precision: boundedText, processor: boundedText });

/**
 * Records the hardware of the first worker; a worker on other hardware is refused before it computes anything.
 *
 * @throws WorkbenchError `mixed-hardware`.
 */
const requireSameHardware = async (
  { folder, temporaryFolder }: JobContext,
  { provider, precision, processor }: WorkerHardware,
): Promise<void> => {
  const workFolder = join(folder, WORK_FOLDER);
  const file = join(workFolder, HARDWARE_FILE);
  await mkdir(workFolder, { recursive: true });
  const lock = await waitFor(() => take(join(workFolder, 'hardware')));
  try {
    const first = await readJsonIfThere(file, hardwareFile, { mostBytes: MAX_NOTE_BYTES }, (cause) =>
      refuse('hardware-damaged', `${file} is damaged.`, 'Delete the file and start the workers again.', cause),
    );
    if (first === null) {
      await writeFileAtomically(file, `${JSON.stringify({ provider, precision, processor })}\n`, temporaryFolder);
      return;
    }
    const [before, here] = [first, { provider, precision, processor }].map((entry) =>
      [entry.provider, entry.precision, entry.processor].join(', '),
    );
    if (before === here) return;
    throw refuse(
      'mixed-hardware',
      `The steps of this run are computed on ${before ?? ''}; this worker runs on ${here ?? ''}.`,
      'Request one kind of node, so that all numbers come from the same hardware.',
    );
  } finally {
    await lock.release();
  }
};

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));

const waitFor = async <T>(look: () => Promise<T | null>): Promise<T> => {
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    await pause();
  }
};

export interface FilledSteps {
  /** Number of parts that this worker did. */
  readonly parts: number;
  readonly of: number;
  readonly computed: number;
  readonly reused: number;
}

/**
 * Computes steps of a sweep next to other processes, without writing a record: resuming the run makes it. One worker at
 * a time does a part; the part of a worker that died is taken over. `until-empty` ends when every part is done, a share
 * when its own parts are.
 *
 * @throws WorkbenchError `mixed-hardware`, and any error of a step.
 */
export const fillSteps = async (
  context: JobContext,
  input: SweepInput,
  {
    share,
    worker,
    task,
    hardware,
    say,
  }: {
    readonly share: WorkShare;
    /** Displayed name of this worker. */
    readonly worker: string;
    /** Its index in the array of a cluster; null outside of one. */
    readonly task: number | null;
    readonly hardware: WorkerHardware;
    readonly say: (line: string) => void;
  },
): Promise<FilledSteps> => {
  await requireSameHardware(context, hardware);
  const { stages } = await planStages(context, withoutSpeeds(input));
  context.meter.setTotal(totalWork([...stages.flatMap(stageSteps), ...stages.flatMap(calibrationDrawSteps)]));
  const all = sweepUnits(stages, input);
  const candidates = all.filter(({ part }) => part !== null);
  const own =
    share.kind === 'until-empty' ? candidates : candidates.filter((_, index) => index % share.of === share.index - 1);
  const needed = new Set(own.map(({ planned }) => planned));
  const mine = all.filter((unit) => own.includes(unit) || (unit.part === null && needed.has(unit.planned)));
  const stageOf = stagesOf();
  const finished = new Set<SweepUnit>();
  const isDone = async (unit: SweepUnit): Promise<boolean> => {
    if (finished.has(unit)) return true;
    if ((await readNote(join(unitFolder(context.folder, unit.id), DONE_FILE))) === null) return false;
    finished.add(unit);
    return true;
  };
  const baseOf = ({ planned }: SweepUnit): SweepUnit | undefined =>
    all.find((unit) => unit.planned === planned && unit.part === null);
  let parts = 0;

  const tryUnit = async (unit: SweepUnit): Promise<boolean> => {
    const base = baseOf(unit);
    if (unit.part !== null && base !== undefined && !(await isDone(base))) return false;
    const folder = unitFolder(context.folder, unit.id);
    const lock = await take(folder);
    if (lock === null) return false;
    // On a full disk the part's own writes fail with an error; the lock stays valid until it is stale.
    const beat = setInterval(() => void lock.renew().catch(() => undefined), HEARTBEAT_MS).unref();
    try {
      if (await isDone(unit)) return true;
      const { computed, reused } = context.meter;
      await unit.measure(await stageOf(unit));
      const record = {
        worker,
        task,
        computed: context.meter.computed - computed,
        reused: context.meter.reused - reused,
      };
      await writeFileAtomically(
        join(folder, DONE_FILE),
        `${JSON.stringify(doneFile.parse(record))}\n`,
        context.temporaryFolder,
      );
      finished.add(unit);
      parts += 1;
      const { model, task: asked } = unit.planned.measurement;
      say(`${model.name}  ${asked.name}  ${unit.part ?? 'unpruned'}: ${String(record.computed)} computed`);
      return true;
    } finally {
      clearInterval(beat);
      await lock.release();
    }
  };

  for (;;) {
    let isOpen = false;
    let hasMoved = false;
    for (const unit of mine) {
      if (context.signal.aborted) throw new CancelledError('The work');
      if (await isDone(unit)) continue;
      if (await tryUnit(unit)) hasMoved = true;
      else isOpen = true;
    }
    if (!isOpen) break;
    if (!hasMoved) await pause();
  }
  const { computed, reused } = context.meter;
  return { parts, of: all.length, computed, reused };
};
