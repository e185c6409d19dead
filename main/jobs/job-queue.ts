import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { CancelledError, fail, refuse, serialiseError, WorkbenchError } from '../contract/errors.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { JobProgress, RunManifest } from '../contract/run.ts';
import type { RunState } from '../contract/recorded.ts';
import type { TransformersCheck } from '../contract/transformers-check.ts';
import { isSystemError } from '../files/file-errors.ts';
import type { TextJudge } from '../harness/judge-texts.ts';
import { runKinds } from '../contract/run-kinds.ts';
import { transformersWords } from '../words/referee.ts';
import { HEARTBEAT_MS, type RunLock } from '../workspace/run-lock.ts';
import type { UserKey } from '../workspace/user-key.ts';
import type { CreatedRun, RunStore } from '../workspace/run-store.ts';
import type { StepStore } from '../workspace/step-store.ts';
import type { Job, JobContext, JobResult } from './job-context.ts';
import { createProgressMeter, type ProgressMeter, ticks } from './progress-meter.ts';
import type { Computing, ModelPool, Runners } from './source-gate.ts';

/** A run whose turn in the queue has come. */
export interface RunToCarryOut<Result = JobResult> extends Pick<
  JobContext,
  'signal' | 'finish' | 'meter' | 'emit' | 'requireRun'
> {
  readonly manifest: RunManifest;
  readonly job: Job<Result>;
  /** Writes what the run's models are into its manifest, which it returns; absent where another engine has the run. */
  readonly recordModels?: ((changes: Pick<RunManifest, 'models' | 'spec'>) => Promise<RunManifest>) | undefined;
}

/** Does the work of a run, in this process or a separate one; rejects where the run fails or is cancelled. */
export type CarryOut = (run: RunToCarryOut) => Promise<JobResult>;

/** The part of a job's context that depends on the device that the run's manifest names. */
export interface JobResources extends Pick<
  JobContext,
  'temporaryFolder' | 'numerics' | 'memoryBudgetBytes' | 'keepsWhole'
> {
  readonly steps: StepStore;
  readonly pool: ModelPool;
  /** Makes what judges the written answers of tasks that only their own Python judges. */
  readonly createJudge: (steps: StepStore) => TextJudge;
  /** Models of onnxruntime, where another engine computes. */
  readonly refereePool?: ModelPool | undefined;
  /**
   * Compares a model with transformers before a run measures it, unless that was done; refuses one that differs. Absent
   * where the numbers are not those of onnxruntime on the processor.
   */
  readonly compareWithTransformers?:
    ((checkpoint: Checkpoint, computing: Computing, signal: AbortSignal) => Promise<TransformersCheck>) | undefined;
}

/** The error of an engine whose run was taken over by another one. */
export const takeoverOf = async (runs: Pick<RunStore, 'holder'>, run: string): Promise<WorkbenchError> => {
  const holder = await runs.holder(run);
  const who = holder === null ? 'another engine' : `process ${holder.pid} on ${holder.host}`;
  return fail(
    'taken-over',
    `${run} was taken over by ${who} while this engine did not respond.`,
    'Follow it there; steps finished here are on disk and are not computed again.',
  );
};

/** Works in this process, which answers nothing else while a block of a model runs. */
export const carryOutHere =
  (runs: Pick<RunStore, 'folder'>, resourcesOf: (manifest: RunManifest) => Promise<JobResources>) =>
  async <Result>({ manifest, job, recordModels: _, ...own }: RunToCarryOut<Result>): Promise<Result> => {
    const { pool, refereePool, steps, createJudge, compareWithTransformers, ...resources } =
      await resourcesOf(manifest);
    const { id: run, createdAt, kind } = manifest;
    const runFields = { run, folder: runs.folder(run), madeAt: new Date(createdAt) };
    const say = (text: string): void => own.emit({ type: 'job.problem', run, text });
    const describe = (text: string): void => own.meter.describe(text);
    const order = { sources: job.sources, steps, say, signal: own.signal, describe };
    const work = async (computing: Computing, referee?: Runners): Promise<Result> => {
      const judge = createJudge(computing.steps);
      const compare =
        compareWithTransformers &&
        ((model: Checkpoint): Promise<TransformersCheck> => compareWithTransformers(model, computing, own.signal));
      const services = { ...resources, ...own, ...runFields, ...computing };
      try {
        return await job.work({ ...services, judge, referee, compareWithTransformers: compare, now: ticks });
      } finally {
        await judge.dispose();
      }
    };
    return pool.compute(order, async (computing) => {
      if (compareWithTransformers !== undefined && runKinds[kind].comparesFirst === true)
        for (const model of job.sources) {
          describe(`Comparing ${model.name} with transformers`);
          const check = await compareWithTransformers(model, computing, own.signal);
          if (check.word !== 'equal') describe(`${model.name}: ${transformersWords(check)}`);
        }
      return refereePool === undefined
        ? work(computing)
        : refereePool.compute(order, ({ runners: referee }) => work(computing, referee));
    });
  };

/** Progress is announced at most this often. */
const PROGRESS_EVERY_MS = 100;

/** Ended runs that can still be waited for. */
const MOST_ENDED = 16;

interface QueuedJob {
  manifest: RunManifest;
  readonly created: CreatedRun;
  readonly job: Job;
  readonly controller: AbortController;
  /** Aborted to end the job early, keeping what it has written. */
  readonly finisher: AbortController;
  readonly meter: ProgressMeter;
  readonly finished: Promise<RunManifest>;
  readonly settle: { readonly resolve: (manifest: RunManifest) => void; readonly reject: (error: unknown) => void };
  /** State to write when the run is stopped from outside. */
  stopAs: RunState | null;
  /** Set where another engine took the run over. */
  takenOver: WorkbenchError | null;
  /** Whether its turn has come. */
  isStarted: boolean;
}

/** False once its end is being written. */
const isAtWork = ({ manifest: { state } }: QueuedJob): boolean => state === 'queued' || state === 'running';

/**
 * Runs jobs one at a time, in the order of arrival unless they are moved; the others wait as `queued`. Keeps every
 * run's lock alive, writes its manifest when its state changes, and emits progress and changes.
 */
export class JobQueue {
  readonly #runs: RunStore;
  readonly #carryOut: CarryOut;
  readonly #emit: (event: EngineEvent) => void;
  readonly #now: () => number;
  readonly #key: () => Promise<UserKey | null>;
  readonly #jobs = new Map<string, QueuedJob>();
  /** Jobs that were stopped while they waited and whose last state is being written. */
  readonly #leaving = new Set<Promise<void>>();
  /** Locks of ended runs that could not be released yet because the disk was gone. */
  readonly #kept = new Set<RunLock>();
  /** How the last runs ended, for whoever asks only then: a run may fail before its caller waits for it. */
  readonly #ended = new Map<string, Promise<RunManifest>>();
  #working: Promise<void> = Promise.resolve();
  #heartbeat: NodeJS.Timeout | null = null;

  /**
   * `carryOut` does a run's work when its turn comes; `now` dates its end; `key` seals finished runs (null: they stay
   * unsealed).
   */
  constructor(
    runs: RunStore,
    carryOut: CarryOut,
    emit: (event: EngineEvent) => void,
    now: () => number,
    key: () => Promise<UserKey | null> = () => Promise.resolve(null),
  ) {
    this.#key = key;
    this.#runs = runs;
    this.#carryOut = carryOut;
    this.#emit = emit;
    this.#now = now;
  }

  /** Jobs that wait or run. One whose end is being written is left out: its run may read as ended already. */
  list(): readonly JobProgress[] {
    return [...this.#jobs.values()].filter(isAtWork).map(({ meter }) => meter.read());
  }

  /** @throws WorkbenchError `already-running` where the run waits or runs here. */
  requireNew(run: string): void {
    if (this.#jobs.has(run))
      throw refuse('already-running', `${run} is already waiting or running.`, 'Wait until it ends.');
  }

  /** Adds a run whose lock is taken and whose manifest is written; works on it when its turn comes. */
  add(created: CreatedRun, job: Job): void {
    const { id, kind, title } = created.manifest;
    this.requireNew(id);
    let announcedAt = Number.NEGATIVE_INFINITY;
    const meter = createProgressMeter({ run: id, kind, title }, ticks, () => {
      if (ticks() - announcedAt < PROGRESS_EVERY_MS) return;
      announcedAt = ticks();
      this.#emit({ type: 'job.progress', progress: meter.read() });
    });
    const { promise: finished, ...settle } = Promise.withResolvers<RunManifest>();
    // Nobody needs to await it: errors are in the manifest as well.
    finished.catch(() => undefined);
    const queued: QueuedJob = {
      manifest: created.manifest,
      created,
      job,
      controller: new AbortController(),
      finisher: new AbortController(),
      meter,
      finished,
      settle,
      stopAs: null,
      takenOver: null,
      isStarted: false,
    };
    this.#jobs.set(id, queued);
    this.#emit({ type: 'run.changed', manifest: queued.manifest });
    meter.describe('Waiting for its turn');
    this.#heartbeat ??= setInterval(() => void this.#renewLocks(), HEARTBEAT_MS).unref();
    this.#working = this.#working.then(() => this.#workOnNext());
  }

  /** Moves a waiting job before another waiting one, or (null) to the end; refused once its turn has come. */
  move(run: string, before: string | null): void {
    const waiting = [...this.#jobs].filter(([, { isStarted }]) => !isStarted);
    const moved = waiting.find(([id]) => id === run);
    if (moved === undefined || (before !== null && !waiting.some(([id]) => id === before)))
      throw refuse('not-waiting', `Run "${before ?? run}" is not waiting here.`, 'Only waiting jobs can be reordered.');
    const others = waiting.filter(([id]) => id !== run);
    const index = before === null || before === run ? others.length : others.findIndex(([id]) => id === before);
    const ordered = before === run ? waiting : [...others.slice(0, index), moved, ...others.slice(index)];
    for (const [id] of waiting) this.#jobs.delete(id);
    for (const [id, queued] of ordered) this.#jobs.set(id, queued);
    this.#emit({ type: 'jobs.reordered' });
  }

  /** The run's final manifest; rejects with the error that ended the run. */
  finished(run: string): Promise<RunManifest> {
    const finished = this.#jobs.get(run)?.finished ?? this.#ended.get(run);
    if (finished === undefined)
      throw refuse(
        'not-running',
        `Run "${run}" is neither waiting nor running in this engine.`,
        'List the runs to see their states.',
      );
    return finished;
  }

  /** Stops a waiting job at once and a running one within a second. */
  cancel(run: string): void {
    this.#stop(this.#ownJob(run));
  }

  /** Ends a running job early, keeping what it has written; a waiting one is cancelled. */
  finish(run: string): void {
    const queued = this.#ownJob(run);
    if (queued.isStarted) queued.finisher.abort();
    else this.#stop(queued);
  }

  #ownJob(run: string): QueuedJob {
    const queued = this.#jobs.get(run);
    if (queued !== undefined && isAtWork(queued)) return queued;
    throw refuse(
      'not-running',
      `Run "${run}" is neither waiting nor running in this engine.`,
      'Cancel it where it runs, or resume it here.',
    );
  }

  /** Stops everything; unfinished runs become `interrupted` and can be resumed. */
  async dispose(): Promise<void> {
    for (const queued of this.#jobs.values()) {
      queued.stopAs ??= 'interrupted';
      this.#stop(queued);
    }
    await this.#working;
    await Promise.all(this.#leaving);
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
  }

  /** A job that still waits ends at once: the one before it may take hours. */
  #stop(queued: QueuedJob): void {
    queued.controller.abort();
    if (queued.isStarted) return;
    queued.isStarted = true;
    const left = this.#work(queued).finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  async #workOnNext(): Promise<void> {
    const next = [...this.#jobs.values()].find(({ isStarted }) => !isStarted);
    // It was stopped while it waited.
    if (next === undefined) return;
    next.isStarted = true;
    await this.#work(next);
  }

  async #work(queued: QueuedJob): Promise<void> {
    const { created, controller, finisher, meter, job } = queued;
    const run = created.manifest.id;
    let error: unknown = null;
    let output: string | null = null;
    let finishedAt: string | null = null;
    try {
      if (controller.signal.aborted) throw new CancelledError(created.manifest.title);
      await this.#change(queued, { state: 'running' });
      await this.#runs.unseal(run);
      const { signal } = controller;
      const result = await this.#carryOut({
        manifest: queued.manifest,
        job,
        signal,
        finish: finisher.signal,
        meter,
        emit: this.#emit,
        requireRun: () => this.#requireRun(queued),
        recordModels: async (changes) => {
          await this.#change(queued, changes);
          return queued.manifest;
        },
      });
      output = result.output;
      await this.#requireRun(queued);
      finishedAt = new Date(this.#now()).toISOString();
      await this.#runs.seal({ ...queued.manifest, state: 'done', output, error: null, finishedAt }, await this.#key());
      meter.describe(result.summary);
    } catch (caught) {
      error = caught;
    }
    const isCancelled = error instanceof WorkbenchError && error.kind === 'cancelled';
    const state: RunState = error === null ? 'done' : isCancelled ? (queued.stopAs ?? 'cancelled') : 'failed';
    if (error !== null) meter.describe(isCancelled ? 'Cancelled' : serialiseError(error).message);
    error = queued.takenOver ?? error;
    let isOurs = true;
    try {
      isOurs = await this.#end(queued, {
        state,
        output,
        error: state === 'failed' ? sentence(error) : null,
        // A finished run was sealed with its time.
        finishedAt: state === 'done' ? finishedAt : new Date(this.#now()).toISOString(),
      });
      if (!isOurs) error = queued.takenOver ?? (await takeoverOf(this.#runs, queued.created.manifest.id));
    } catch (caught) {
      // The disk is full or gone: the run stays unfinished there, and unlocked.
      if (error === null)
        queued.manifest = { ...queued.manifest, state: 'failed', output: null, error: sentence(caught) };
      error ??= caught;
      this.#kept.add(created.lock);
      await this.#giveLocksBack();
    }
    this.#jobs.delete(run);
    this.#ended.delete(run);
    this.#ended.set(run, queued.finished);
    for (const oldest of [...this.#ended.keys()].slice(0, -MOST_ENDED)) this.#ended.delete(oldest);
    this.#emit({ type: 'job.progress', progress: meter.read() });
    this.#emit({ type: 'run.changed', manifest: queued.manifest });
    // It ended only here: the engine that has it now reports its state.
    if (!isOurs) this.#emit({ type: 'runs.relisted' });
    if (error === null) queued.settle.resolve(queued.manifest);
    else queued.settle.reject(error);
  }

  async #change(queued: QueuedJob, changes: Partial<RunManifest>): Promise<void> {
    await this.#requireRun(queued);
    queued.manifest = { ...queued.manifest, ...changes };
    await this.#runs.write(queued.manifest);
    this.#emit({ type: 'run.changed', manifest: queued.manifest });
  }

  /** Writes the final state and releases the lock, unless another engine has taken the run over. */
  async #end(queued: QueuedJob, changes: Partial<RunManifest>): Promise<boolean> {
    queued.manifest = { ...queued.manifest, ...changes };
    if (!(await queued.created.lock.renew())) return false;
    await this.#runs.write(queued.manifest);
    await queued.created.lock.release();
    return true;
  }

  async #requireRun(queued: QueuedJob): Promise<void> {
    if (await queued.created.lock.isHeld()) return;
    queued.takenOver ??= await takeoverOf(this.#runs, queued.created.manifest.id);
    throw queued.takenOver;
  }

  async #renewLocks(): Promise<void> {
    for (const queued of this.#jobs.values()) {
      try {
        if (await queued.created.lock.renew()) continue;
        queued.takenOver ??= await takeoverOf(this.#runs, queued.created.manifest.id);
        queued.stopAs = 'interrupted';
        queued.meter.describe(queued.takenOver.message);
        this.#stop(queued);
      } catch (error) {
        // On a full disk the job's own writes fail with an error; the lock stays valid until it is stale.
        if (this.#jobs.has(queued.created.manifest.id))
          queued.meter.describe(`Its lock cannot be renewed: ${serialiseError(error).message}`);
      }
    }
    await this.#giveLocksBack();
  }

  /** Releases locks that could not be released when their job ended; the next heartbeat retries failures. */
  async #giveLocksBack(): Promise<void> {
    for (const lock of [...this.#kept]) {
      const isFree = await lock.release().then(
        () => true,
        // The lock of a deleted folder is gone.
        (error: unknown) => isSystemError(error, 'ENOENT'),
      );
      if (!isFree) continue;
      this.#kept.delete(lock);
      this.#emit({ type: 'runs.relisted' });
    }
  }
}

const sentence = (error: unknown): string => {
  const { message, remedy } = serialiseError(error);
  return `${message} ${remedy}`;
};
