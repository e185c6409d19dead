import type { MeterReading } from '../contract/compute.ts';
import type { JobProgress } from '../contract/run.ts';
import { minOf } from '../statistics/extremes.ts';

/** Most recent readings of the rate that give the range: older ones may reflect other work. */
const MAX_READINGS = 40;
const MIN_READINGS = 4;
/** Minimum duration of a reading, below which its rate is noise. */
const READING_MS = 150;
/** Share of the readings left out at each end of the range. */
const TAIL = 0.1;
/** Curves that must have ended before the needed share of planned work is estimated in a search for thresholds. */
const MIN_SHARES = 4;
/** Less work than this (in tokens) is rounding error of sums. */
const LEAST_WORK = 1e-3;
/** Standard errors on either side of the mean share. */
const SHARE_ERRORS = 2;

interface Reading {
  readonly work: number;
  readonly elapsedMs: number;
}

/**
 * Adds up a job's work (any unit proportional to time; here characters x candidates, proportional to tokens) and
 * estimates a range for the time left from the spread of recent rates. Work that was on disk counts as done but not as
 * speed.
 */
export interface ProgressMeter<Subject = JobSubject> {
  setTotal(work: number): void;
  addToTotal(work: number): void;
  /**
   * Marks this much of the total as work of curves that may end early: while one of them is left, no time is estimated
   * before some have ended.
   */
  expectSavings(planned: number): void;
  /** A curve of this planned work ended after part of it: the rest is no longer part of the total. */
  saved(planned: number, done: number): void;
  /** Curves of this planned work are not measured at all: it is no longer part of the total. */
  leftOut(planned: number): void;
  describe(description: string): void;
  /** A step of this much work begins. */
  begin(work: number): void;
  /** Share (0 to 1) of the step in flight. */
  advance(part: number): void;
  /** The steps in flight (one, or several computed together) are on disk. */
  finish(steps?: number): void;
  /** A step that was on disk already. */
  reuse(work: number, steps?: number): void;
  /** Shows the reading of another process's meter from now on, with its own time. */
  follow(reading: MeterReading): void;
  /** Steps computed and reused so far. */
  readonly computed: number;
  readonly reused: number;
  read(): Subject & Omit<JobProgress, keyof JobSubject>;
}

type JobSubject = Pick<JobProgress, 'run' | 'kind' | 'title'>;

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.round((sorted.length - 1) * part)] ?? 0;

/** Milliseconds for durations: they do not follow the machine's date, which may be set while a run works. */
export const ticks = (): number => performance.now();

export const createProgressMeter = <Subject extends object>(
  subject: Subject,
  now: () => number,
  changed: () => void = () => undefined,
): ProgressMeter<Subject> => {
  const startedAt = now();
  const readings: Reading[] = [];
  let description = '';
  let total = 0;
  let finished = 0;
  let inFlight = 0;
  let part = 0;
  let computed = 0;
  let reused = 0;
  /** Position at the end of the last reading. */
  let mark: { work: number; at: number } | null = null;

  let followed: MeterReading | null = null;

  /** Planned work of the curves that may still end early, and the needed share of those that have ended. */
  let savable = 0;
  const shares: number[] = [];

  /** Share of their planned work that such curves will need: a range about the mean of those that have ended. */
  const neededShare = (): { readonly low: number; readonly high: number } | null => {
    if (savable < LEAST_WORK) return { low: 1, high: 1 };
    const count = shares.length;
    if (count < MIN_SHARES) return null;
    const mean = shares.reduce((sum, share) => sum + share, 0) / count;
    const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / (count - 1);
    const error = SHARE_ERRORS * Math.sqrt(variance / count);
    return { low: Math.max(minOf(shares), mean - error), high: Math.min(1, mean + error) };
  };

  const doneWork = (): number => finished + inFlight * part;
  const takeReading = (): void => {
    const at = now();
    if (mark === null || at - mark.at < READING_MS) return;
    const work = doneWork() - mark.work;
    if (work > 0) readings.push({ work, elapsedMs: at - mark.at });
    if (readings.length > MAX_READINGS) readings.shift();
    mark = { work: doneWork(), at };
  };
  const leftMs = (): JobProgress['leftMs'] => {
    const share = neededShare();
    if (readings.length < MIN_READINGS || share === null) return null;
    // Work that open curves have done is part of the work that they need.
    const left = (needed: number): number => Math.max(0, total - doneWork() - (1 - needed) * Math.max(0, savable));
    const rates = readings.map(({ work, elapsedMs }) => work / elapsedMs).sort((a, b) => a - b);
    return {
      low: left(share.low) / quantile(rates, 1 - TAIL),
      high: left(share.high) / quantile(rates, TAIL),
    };
  };

  return {
    setTotal: (work) => {
      total = work;
      changed();
    },
    addToTotal: (work) => {
      total += work;
      changed();
    },
    expectSavings: (planned) => {
      savable += planned;
      changed();
    },
    saved: (planned, done) => {
      total -= planned - done;
      savable -= planned;
      shares.push(planned > 0 ? done / planned : 1);
      changed();
    },
    leftOut: (planned) => {
      total -= planned;
      savable -= planned;
      changed();
    },
    describe: (text) => {
      description = text;
      changed();
    },
    begin: (work) => {
      inFlight = work;
      part = 0;
      mark ??= { work: doneWork(), at: now() };
      changed();
    },
    advance: (to) => {
      part = Math.min(1, Math.max(part, to));
      takeReading();
      changed();
    },
    finish: (steps = 1) => {
      part = 1;
      takeReading();
      finished += inFlight;
      inFlight = 0;
      part = 0;
      computed += steps;
      changed();
    },
    reuse: (work, steps = 1) => {
      finished += work;
      if (mark !== null) mark = { ...mark, work: mark.work + work };
      reused += steps;
      changed();
    },
    follow: (reading) => {
      followed = reading;
      description = reading.description;
      changed();
    },
    get computed() {
      return computed;
    },
    get reused() {
      return reused;
    },
    read: () => ({
      ...subject,
      ...(followed ?? { done: Math.min(doneWork(), total), total, reused, leftMs: leftMs() }),
      description,
      elapsedMs: now() - startedAt,
    }),
  };
};
