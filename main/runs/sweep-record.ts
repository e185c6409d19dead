import { join } from 'node:path';
import { z } from 'zod';
import { boundedRecord, boundedText, MOST_POINTS, shortName } from '../contract/bounds.ts';
import type { EngineEvent } from '../contract/events.ts';
import { fail, present, refuse } from '../contract/errors.ts';
import { plan, type Plan } from '../contract/plan.ts';
import {
  type PointName,
  pointNameKey,
  recordedSweepDocument,
  type SweepDocument,
  type SweepResult,
} from '../contract/sweep.ts';
import type { SweepChange } from '../contract/sweep-change.ts';
import type { SweepFact } from '../contract/sweep-fact.ts';
import { candidatePoint } from '../contract/curtailed-point.ts';
import {
  begunSweep,
  type BegunSweep,
  type LaterChange,
  noted,
  readRunning,
  withChanges,
} from '../evaluation/sweeps/running-sweep.ts';
import type { AskedReading } from '../evaluation/threshold-family.ts';
import { createTurns, writeFileAtomically } from '../files/write-atomically.ts';
import { readJsonIfThere } from '../files/parse-json.ts';

/** The plans of a finished sweep by the key of the step that measured them; null: the unpruned model. */
export type RunPlans = ReadonlyMap<string, Plan | null>;

/** Results, points and plans of a sweep have a few MB; a hundred thousand points take some 90. */
const MAX_RESULT_BYTES = 96 * 2 ** 20;

export const PLANS = 'plans.json';
const plansFile = boundedRecord(boundedText, plan.nullable());

/** Writes a sweep's plans into its folder, one per line, so that they can be read without its steps. */
export const writeRunPlans = async (folder: string, plans: RunPlans, temporaryFolder: string): Promise<void> => {
  const lines = [...plans].map(([step, made]) => `${JSON.stringify(step)}: ${JSON.stringify(made)}`);
  await writeFileAtomically(join(folder, PLANS), `{\n${lines.join(',\n')}\n}\n`, temporaryFolder);
};

/** The plans in a run's folder; null where the run is unfinished, or its version wrote none. */
export const readRunPlans = async (folder: string): Promise<RunPlans | null> => {
  const file = join(folder, PLANS);
  const plans = await readJsonIfThere(file, plansFile, { mostBytes: MAX_RESULT_BYTES }, damaged('plans-damaged', file));
  return plans === null ? null : new Map(Object.entries(plans));
};

/** Minimum interval between rewrites of a running sweep's files: they grow, and steps contain everything anyway. */
const REWRITE_EVERY_MS = 2_000;

/** A measured point and the step with its plan and outcomes. */
export interface SweepPoint {
  readonly result: SweepResult;
  readonly step: string;
}

const pointIndex = z.array(candidatePoint.extend({ step: shortName })).max(MOST_POINTS);
export type PointIndex = z.infer<typeof pointIndex>;

export const RESULTS = 'results.json';
export const POINTS = 'points.json';

/** A document as its file contains it: with facts, and without the sentences that are made of them. */
export const storedSweepDocument = ({
  check: _check,
  provenance: _provenance,
  running: _running,
  notes: _notes,
  ...document
}: SweepDocument): SweepDocument => document;

interface RecordContext {
  readonly run: string;
  readonly folder: string;
  readonly temporaryFolder: string;
  readonly now: () => number;
  /** Throws if another engine has taken the folder over. */
  readonly requireRun: () => Promise<void>;
  /** Absent for the copy of another process's record, whose changes are events already. */
  readonly emit?: ((event: EngineEvent) => void) | undefined;
}

/** Collects a sweep's points, and writes `results.json` and `points.json` in the run's folder. */
export class SweepRecord {
  readonly #context: RecordContext;
  /** Steps by the name of their point. */
  readonly #steps = new Map<string, string>();
  readonly #inTurn = createTurns();
  /** Without the changes that still wait, and without thresholds. */
  #document: SweepDocument;
  #waiting: LaterChange[] = [];
  #writtenAt = Number.NEGATIVE_INFINITY;

  /** Every change becomes an event, that of a point after its files are written. */
  constructor(context: RecordContext, begun: BegunSweep) {
    this.#context = context;
    this.#document = begunSweep(context.run, begun);
    this.#announce({ what: 'begun', ...begun });
  }

  #announce(change: SweepChange): void {
    this.#context.emit?.({ type: 'sweep.changed', run: this.#context.run, change });
  }

  /** Applies a change of another process's record; writes nothing. */
  take(change: LaterChange): void {
    this.#waiting.push(change);
    if (change.what === 'point') this.#steps.set(pointNameKey(change.result), change.step);
  }

  get #soFar(): SweepDocument {
    this.#document = withChanges(this.#document, this.#waiting);
    this.#waiting = [];
    return this.#document;
  }

  /** Points in document order. */
  get points(): readonly SweepPoint[] {
    return this.#soFar.results.map((result) => ({
      result,
      step: present(this.#steps.get(pointNameKey(result)), 'a point without its step'),
    }));
  }

  note(fact: SweepFact): void {
    const change = { what: 'fact', fact } as const;
    this.take(change);
    this.#announce(change);
  }

  document(reading: AskedReading = {}): SweepDocument {
    return readRunning(this.#soFar, reading);
  }

  /**
   * Adds points whose steps are on disk (or that need none), rewrites the files unless that was done recently, and
   * announces the change.
   */
  async add(change: Exclude<LaterChange, { what: 'fact' }>): Promise<void> {
    this.take(change);
    if (change.what !== 'unneeded' && this.#context.now() - this.#writtenAt >= REWRITE_EVERY_MS) await this.write();
    this.#announce(change);
  }

  /**
   * Writes the state of the record when its turn comes: an older state never replaces a newer one.
   *
   * @throws WorkbenchError `taken-over`.
   */
  write(): Promise<void> {
    const { folder, temporaryFolder, now, requireRun } = this.#context;
    return this.#inTurn(async () => {
      await requireRun();
      const index: PointIndex = this.points.map(({ result: { model, task, method, seed, factor, kept }, step }) => ({
        model,
        task,
        method,
        seed,
        factor,
        kept,
        step,
      }));
      const write = (name: string, content: unknown): Promise<void> =>
        writeFileAtomically(join(folder, name), `${JSON.stringify(content, null, 1)}\n`, temporaryFolder);
      await write(POINTS, index);
      await write(RESULTS, storedSweepDocument(this.document()));
      this.#writtenAt = now();
    });
  }
}

const damaged =
  (code: string, file: string) =>
  (cause: unknown): Error =>
    fail(code, `${file} is damaged.`, 'Delete the file and resume the run: its steps are kept.', cause);

const readParsed = <T extends z.ZodType>(file: string, schema: T): Promise<z.output<T> | null> =>
  readJsonIfThere(file, schema, { mostBytes: MAX_RESULT_BYTES }, damaged('results-damaged', file));

/**
 * The stored document of a sweep; null where no point was written yet. Views of a sweep are computed from its outcomes
 * instead (readCheckedSweep).
 */
export const readSweepDocument = async (folder: string): Promise<SweepDocument | null> => {
  const stored = await readParsed(join(folder, RESULTS), recordedSweepDocument);
  return stored === null ? null : { ...stored, ...noted(stored.facts) };
};

/** Steps of a sweep's points, in document order; empty where no point was written yet. */
export const readPointIndex = async (folder: string): Promise<PointIndex> =>
  (await readParsed(join(folder, POINTS), pointIndex)) ?? [];

/** Key of the step that measured a point; refuses a point that is not in the sweep. */
export const findPointStep = async (folder: string, name: PointName): Promise<string> => {
  const index = await readPointIndex(folder);
  const found = index.find((point) => pointNameKey(point) === pointNameKey(name));
  if (found === undefined) {
    const seed = name.seed === null ? '' : `, seed ${name.seed}`;
    throw refuse(
      'no-such-point',
      `The sweep has no point for ${name.model}, ${name.task}, ${name.method}${seed}, factor ${name.factor}.`,
      'Choose a point that is on the chart.',
    );
  }
  return found.step;
};
