import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CancelledError, refuse, WorkbenchError } from '../contract/errors.ts';
import { readJsonIfThere } from '../files/read-json-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { acquireRunLock, HEARTBEAT_MS, type RunLock } from '../workspace/run-lock.ts';
import type { JobContext } from './job-context.ts';
import { type SweepInput, sweepPlaces } from './sweep-places.ts';
import type { Stage, SweepSink } from './sweep-stage.ts';
import { type SweepUnit, sweepUnits } from './sweep-units.ts';
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

/** How often a worker that has nothing to do looks whether another one has finished, or died. */
const LOOK_EVERY_MS = 500;

/**
 * Which parts of a sweep a worker takes: every n-th from the i-th on, or whatever nobody else does until all is done.
 */
export type WorkShare =
  { readonly kind: 'share'; readonly index: number; readonly of: number } | { readonly kind: 'until-empty' };

export type StepState = 'on disk' | 'being computed' | 'to do';

/** A part of a sweep as `uncurl steps` lists it. */
export interface ListedStep extends Pick<SweepUnit, 'id' | 'part' | 'method' | 'seed' | 'kept'> {
  readonly model: string;
  readonly task: string;
  readonly state: StepState;
  /** Who computes it. */
  readonly holder: string | null;
}

/** Another process keeps the record: whoever resumes the run reads the steps. */
const NOWHERE: SweepSink = {
  add: () => Promise.resolve(),
  addCurtailed: () => Promise.resolve(),
  addUnneeded: () => undefined,
  note: () => undefined,
};

const stagesOf = (): ((unit: SweepUnit) => Promise<Stage>) => {
  const opened = new Map<SweepUnit['place'], Stage>();
  return async ({ place }) => {
    const stage = opened.get(place) ?? (await place.open(NOWHERE));
    opened.set(place, stage);
    return stage;
  };
};

class NotOnDiskError extends Error {}

/** A context that reads steps and refuses to compute any. Overlays that follow from a profile are named, not written. */
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

/** Speeds are no steps: who makes the run's record measures them, and nobody else needs to. */
const withoutSpeeds = (input: SweepInput): SweepInput => ({ ...input, settings: { ...input.settings, speed: false } });

/** How many parts a sweep has. Computes nothing. */
export const countParts = async (context: JobContext, input: SweepInput): Promise<number> => {
  const { places } = await sweepPlaces(readingOnly(context), input);
  return sweepUnits(places, input).length;
};

/** Every part of a sweep, and whether its steps are there. Computes nothing. */
export const listSteps = async (context: JobContext, input: SweepInput): Promise<readonly ListedStep[]> => {
  const { places } = await sweepPlaces(readingOnly(context), withoutSpeeds(input));
  const stageOf = stagesOf();
  const listed: ListedStep[] = [];
  for (const unit of sweepUnits(places, input)) {
    const { id, part, method, seed, kept, place } = unit;
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
    listed.push({ id, model: place.model.name, task: place.task.name, part, method, seed, kept, state, holder });
  }
  return listed;
};

/** The lock of a part, or null where another worker holds it. */
const take = async (folder: string): Promise<RunLock | null> => {
  await mkdir(folder, { recursive: true });
  try {
    return await acquireRunLock(folder);
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === 'run-locked') return null;
    throw error;
  }
};

/** What computes, as far as numbers may depend on it. */
export interface WorkerHardware {
  readonly provider: string;
  readonly precision: string;
  readonly processor: string;
}

const hardwareFile = z.object({ provider: z.string(), precision: z.string(), processor: z.string() });

/**
 * The first worker says what computes the run; one on other hardware is refused before it computes anything.
 *
 * @throws WorkbenchError `mixed-hardware`.
 */
const requireSameHardware = async (
  { folder, temporaryFolder }: JobContext,
  { provider, precision, processor }: WorkerHardware,
): Promise<void> => {
  const place = join(folder, WORK_FOLDER);
  const file = join(place, HARDWARE_FILE);
  await mkdir(place, { recursive: true });
  const lock = await waitFor(() => take(join(place, 'hardware')));
  try {
    const first = await readJsonIfThere(file, hardwareFile, { mostBytes: MAX_NOTE_BYTES }, (cause) =>
      refuse('hardware-damaged', `${file} is damaged.`, 'Delete the file and start the workers again.', cause),
    );
    if (first === null) {
      await writeFileAtomically(file, `${JSON.stringify({ provider, precision, processor })}\n`, temporaryFolder);
      return;
    }
    const [before, here] = [first, { provider, precision, processor }].map((one) =>
      [one.provider, one.precision, one.processor].join(', '),
    );
    if (before === here) return;
    throw refuse(
      'mixed-hardware',
      `The steps of this run are computed on ${before ?? ''}; this worker runs on ${here ?? ''}.`,
      'Ask for one kind of node, so that all numbers come from the same hardware.',
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
  /** Parts that this worker did, of all parts of the sweep. */
  readonly parts: number;
  readonly of: number;
  readonly computed: number;
  readonly reused: number;
}

/**
 * Fills steps of a sweep that other processes fill as well, and leaves no record of its own: who resumes the run finds
 * them. A part is done by one worker at a time; the part of one that died is taken over. `until-empty` ends when every
 * part is done, and so does a share when its own are.
 *
 * @throws WorkbenchError `mixed-hardware`, and whatever hinders a step.
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
    /** Who this is, for those who look. */
    readonly worker: string;
    /** Its number in the array of a cluster; null outside of one. */
    readonly task: number | null;
    readonly hardware: WorkerHardware;
    readonly say: (line: string) => void;
  },
): Promise<FilledSteps> => {
  await requireSameHardware(context, hardware);
  const { places, work } = await sweepPlaces(context, withoutSpeeds(input));
  context.meter.setTotal(work);
  const all = sweepUnits(places, input);
  const candidates = all.filter(({ part }) => part !== null);
  const own =
    share.kind === 'until-empty' ? candidates : candidates.filter((_, index) => index % share.of === share.index - 1);
  const needed = new Set(own.map(({ place }) => place));
  const mine = all.filter((unit) => own.includes(unit) || (unit.part === null && needed.has(unit.place)));
  const stageOf = stagesOf();
  const finished = new Set<SweepUnit>();
  const isDone = async (unit: SweepUnit): Promise<boolean> => {
    if (finished.has(unit)) return true;
    if ((await readNote(join(unitFolder(context.folder, unit.id), DONE_FILE))) === null) return false;
    finished.add(unit);
    return true;
  };
  const baseOf = ({ place }: SweepUnit): SweepUnit | undefined =>
    all.find((unit) => unit.place === place && unit.part === null);
  let parts = 0;

  const tryUnit = async (unit: SweepUnit): Promise<boolean> => {
    const base = baseOf(unit);
    if (unit.part !== null && base !== undefined && !(await isDone(base))) return false;
    const folder = unitFolder(context.folder, unit.id);
    const lock = await take(folder);
    if (lock === null) return false;
    // A full disk: the part's own writes will say so; the lock counts as held until it is stale.
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
      const { place } = unit;
      say(`${place.model.name}  ${place.task.name}  ${unit.part ?? 'unpruned'}: ${String(record.computed)} computed`);
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
