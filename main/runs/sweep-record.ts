import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { boundedRecord, boundedText, MOST_POINTS, shortName } from '../contract/bounds.ts';
import type { RecordChange } from '../contract/compute.ts';
import type { EngineEvent } from '../contract/events.ts';
import { assertNever, refuse, WorkbenchError } from '../contract/errors.ts';
import { plan, type Plan } from '../contract/plan.ts';
import {
  type CalibrationDraw,
  type ElsewherePoint,
  type PointName,
  pointNameKey,
  recordedSweepDocument,
  type SweepDocument,
  type SweepResult,
  UNPRUNED,
} from '../contract/sweep.ts';
import type { SweepFact } from '../contract/sweep-fact.ts';
import { candidatePoint, type CurtailedPoint, type UnneededPoint } from '../contract/curtailed-point.ts';
import { type ThresholdReading, withThresholds } from '../evaluation/threshold-family.ts';
import { factSentence } from '../words/sweep-facts.ts';
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

/** Order of results: models, tasks, methods and seeds of the request, factors ascending; not the order of arrival. */
export interface SweepOrder {
  readonly models: readonly string[];
  readonly tasks: readonly string[];
  readonly methods: readonly string[];
}

export const RESULTS = 'results.json';
export const POINTS = 'points.json';

/** Facts and their sentences. */
const noted = (facts: readonly SweepFact[]): Pick<SweepDocument, 'facts' | 'notes'> => ({
  facts: [...facts],
  notes: facts.map(factSentence),
});

/** A document as its file contains it: with facts, and without the sentences that are made of them. */
export const storedSweepDocument = ({
  check: _check,
  provenance: _provenance,
  notes,
  ...document
}: SweepDocument): SweepDocument =>
  document.facts === undefined && notes !== undefined ? { ...document, notes } : document;

/** Announces the point of a change, if it has one. */
export const announcePoint = (run: string, change: RecordChange, emit?: (event: EngineEvent) => void): void => {
  if (change.what === 'point') emit?.({ type: 'sweep.point', run, result: change.result });
  if (change.what === 'curtailed') emit?.({ type: 'sweep.curtailed', run, point: change.point });
};

/** Collects a sweep's points, and writes `results.json` and `points.json` in the run's folder. */
export class SweepRecord {
  readonly #run: string;
  readonly #folder: string;
  readonly #temporaryFolder: string;
  readonly #order: SweepOrder;
  readonly #delta: number;
  readonly #level: number | undefined;
  readonly #now: () => number;
  readonly #requireRun: () => Promise<void>;
  readonly #points: SweepPoint[] = [];
  readonly #curtailed: CurtailedPoint[] = [];
  readonly #unneeded: UnneededPoint[] = [];
  readonly #elsewhere: ElsewherePoint[] = [];
  readonly #calibrationDraws: CalibrationDraw[] = [];
  readonly #facts: SweepFact[];
  readonly #changed: (change: RecordChange) => void;
  readonly #inTurn = createTurns();
  #writtenAt = Number.NEGATIVE_INFINITY;

  /**
   * Every change goes to `context.recordChanged`, for a point after its files are written: the engine in another
   * process keeps a copy, and announces its points. Without one they are announced here.
   */
  constructor(
    context: {
      readonly run: string;
      readonly folder: string;
      readonly temporaryFolder: string;
      readonly now: () => number;
      /** Throws if another engine has taken the folder over. */
      readonly requireRun: () => Promise<void>;
      readonly recordChanged?: ((change: RecordChange) => void) | undefined;
      /** Absent for the copy of another process's record. */
      readonly emit?: ((event: EngineEvent) => void) | undefined;
    },
    order: SweepOrder,
    delta: number,
    facts: readonly SweepFact[],
    level?: number,
  ) {
    this.#run = context.run;
    this.#folder = context.folder;
    this.#temporaryFolder = context.temporaryFolder;
    this.#now = context.now;
    this.#requireRun = context.requireRun;
    this.#order = { ...order, methods: [UNPRUNED, ...order.methods] };
    this.#delta = delta;
    this.#level = level;
    this.#facts = [...facts];
    this.#changed = context.recordChanged ?? ((change) => announcePoint(context.run, change, context.emit));
    const { models, tasks, methods } = order;
    const begun = { models: [...models], tasks: [...tasks], methods: [...methods] };
    this.#changed({ what: 'begun', order: begun, delta, facts: [...facts], ...this.#ofLook });
  }

  get #ofLook(): Pick<SweepDocument, 'level'> {
    return this.#level === undefined ? {} : { level: this.#level };
  }

  /** Applies a change of another process's record; writes nothing. */
  take(change: Exclude<RecordChange, { what: 'begun' }>): void {
    switch (change.what) {
      case 'point':
        this.#points.push({ result: change.result, step: change.step });
        return;
      case 'curtailed':
        this.#curtailed.push(change.point);
        return;
      case 'elsewhere':
        this.#elsewhere.push(change.point);
        return;
      case 'calibration-draw':
        this.#calibrationDraws.push(change.point);
        return;
      case 'unneeded':
        for (const point of change.points) this.#unneeded.push(point);
        return;
      case 'fact':
        if (!this.#facts.some((known) => isDeepStrictEqual(known, change.fact))) this.#facts.push(change.fact);
        return;
      default:
        assertNever(change);
    }
  }

  /** Points in document order. */
  get points(): readonly SweepPoint[] {
    return this.#inOrder(this.#points, ({ result }) => result);
  }

  #inOrder<P>(points: readonly P[], nameOf: (point: P) => UnneededPoint): readonly P[] {
    const { models, tasks, methods } = this.#order;
    const rank = (point: P): readonly number[] => {
      const { model, task, method, seed, factor } = nameOf(point);
      return [models.indexOf(model), tasks.indexOf(task), methods.indexOf(method), seed ?? -1, factor];
    };
    return points
      .map((point) => ({ point, rank: rank(point) }))
      .sort(
        (a, b) =>
          a.rank.map((value, index) => value - (b.rank[index] ?? 0)).find((difference) => difference !== 0) ?? 0,
      )
      .map(({ point }) => point);
  }

  /** By model, the task that a plan was made for (all tasks at once: last), then as points. */
  #elsewhereInOrder(): readonly ElsewherePoint[] {
    const { models, tasks } = this.#order;
    const rowOf = ({ madeFor, result }: ElsewherePoint): number =>
      models.indexOf(result.model) * (tasks.length + 1) + (madeFor === null ? tasks.length : tasks.indexOf(madeFor));
    const inOrder = this.#inOrder(this.#elsewhere, ({ result }) => result);
    return [...inOrder].sort((left, right) => rowOf(left) - rowOf(right));
  }

  /** As points, at each the draws in order, by the number of items. */
  #calibrationDrawsInOrder(): readonly CalibrationDraw[] {
    const byDraw = [...this.#calibrationDraws].sort(
      (left, right) => left.items - right.items || left.draw - right.draw,
    );
    return this.#inOrder(byDraw, ({ result }) => result);
  }

  note(fact: SweepFact): void {
    const change = { what: 'fact', fact } as const;
    this.take(change);
    this.#changed(change);
  }

  document(reading: ThresholdReading = { delta: this.#delta }): SweepDocument {
    const results = this.points.map(({ result }) => result);
    const elsewhere = this.#elsewhere.length === 0 ? {} : { elsewhere: [...this.#elsewhereInOrder()] };
    const drawn = this.#calibrationDraws.length === 0 ? {} : { calibrationDraws: [...this.#calibrationDrawsInOrder()] };
    const unread = { thresholds: [], rule: '', ...noted(this.#facts) };
    const measured: SweepDocument = { run: this.#run, ...this.#ofLook, results, ...elsewhere, ...drawn, ...unread };
    if (this.#curtailed.length + this.#unneeded.length === 0) return withThresholds(measured, reading);
    const curtailed = [...this.#inOrder(this.#curtailed, (point) => point)];
    const notNeeded = [...this.#inOrder(this.#unneeded, (point) => point)];
    return withThresholds({ ...measured, curtailed, notNeeded }, reading);
  }

  /**
   * Adds points whose steps are on disk (or that need none), rewrites the files unless that was done recently, and
   * announces measured points.
   */
  async add(change: Exclude<RecordChange, { what: 'begun' | 'fact' }>): Promise<void> {
    this.take(change);
    if (change.what !== 'unneeded' && this.#now() - this.#writtenAt >= REWRITE_EVERY_MS) await this.write();
    this.#changed(change);
  }

  /**
   * Writes the state of the record when its turn comes: an older state never replaces a newer one.
   *
   * @throws WorkbenchError `taken-over`.
   */
  write(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#requireRun();
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
        writeFileAtomically(join(this.#folder, name), `${JSON.stringify(content, null, 1)}\n`, this.#temporaryFolder);
      await write(POINTS, index);
      await write(RESULTS, storedSweepDocument(this.document()));
      this.#writtenAt = this.#now();
    });
  }
}

const damaged =
  (code: string, file: string) =>
  (cause: unknown): Error =>
    new WorkbenchError(
      code,
      'failed',
      `${file} is damaged.`,
      'Delete the file and resume the run: its steps are kept.',
      { cause },
    );

const readParsed = <T extends z.ZodType>(file: string, schema: T): Promise<z.output<T> | null> =>
  readJsonIfThere(file, schema, { mostBytes: MAX_RESULT_BYTES }, damaged('results-damaged', file));

/**
 * The stored document of a sweep; null where no point was written yet. Views of a sweep are computed from its outcomes
 * instead (readCheckedSweep).
 */
export const readSweepDocument = async (folder: string): Promise<SweepDocument | null> => {
  const stored = await readParsed(join(folder, RESULTS), recordedSweepDocument);
  return stored?.facts === undefined ? stored : { ...stored, ...noted(stored.facts) };
};

/** Steps of a sweep's points, in document order; empty where no point was written yet. */
export const readPointIndex = async (folder: string): Promise<PointIndex> =>
  (await readParsed(join(folder, POINTS), pointIndex)) ?? [];

/** Key of the step that measured a point; refuses a point that is not in the sweep. */
export const findPointStep = async (folder: string, name: PointName): Promise<string> => {
  const index = await readPointIndex(folder);
  const found = index.find((point) => pointNameKey(point) === pointNameKey(name));
  if (found === undefined) {
    const seed = name.seed === null ? '' : `, seed ${String(name.seed)}`;
    throw refuse(
      'no-such-point',
      `The sweep has no point for ${name.model}, ${name.task}, ${name.method}${seed}, factor ${String(name.factor)}.`,
      'Choose a point that is on the chart.',
    );
  }
  return found.step;
};
