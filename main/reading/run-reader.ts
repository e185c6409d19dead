import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { callCancelled, fail, refuse, reviveError, WorkbenchError } from '../contract/errors.ts';
import { engineProgram } from '../files/engine-program.ts';
import { bytesIn } from '../files/path-signature.ts';
import type { MeasuredRuns } from '../runs/known-checks.ts';
import { MOST_THREADS, type QuestionOf, type ReadingName, type ReadingOrder, readingReport } from './questions.ts';
import type { ReadingAnswer } from './readings.ts';
import { noThread, processorMs } from '../files/process-limits.ts';

/** Limit of a thread's JavaScript heap, enough for the outcomes of some million items. */
const MAX_HEAP_MEGABYTES = 4_096;
/**
 * CPU time limit for one answer, independent of the machine's load: everything of the sample (8 MB) takes 5 s. The time
 * to resample intervals of perplexity does not depend on file sizes.
 */
const PROCESSOR_MS = 60_000;
const PROCESSOR_MS_PER_MEGABYTE = 5_000;
/** Time limit for one answer, whatever the thread waits for. */
const ANSWER_MS = 600_000;
const LOOK_EVERY_MS = 500;

export interface RunReader {
  /**
   * Runs a reading (readings.ts) in a thread that is ended if it takes too much time or memory, or once `signal` is
   * aborted. A computation on profiles may take any time, since its size follows from the model.
   *
   * @throws WorkbenchError of the reading; `read-too-slow`, `read-too-large`, `reader-ended`, `call-cancelled`.
   */
  read<N extends ReadingName>(question: QuestionOf<N>, signal?: AbortSignal): Promise<ReadingAnswer<N>>;
  /** Ends all readings. */
  dispose(): Promise<void>;
}

interface Waiting {
  readonly order: ReadingOrder;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly isCancelled: () => boolean;
}

/** The runs whose files a question reads; null for a computation on profiles. */
const runsOf = ({ question }: ReadingOrder): readonly string[] | null => {
  if ('runs' in question) return question.runs;
  return 'run' in question ? [question.run] : null;
};

const words = (order: ReadingOrder): string => {
  const { question } = order;
  if (question.read === 'plan') return `A plan by ${question.order.method} for ${question.subject.name}`;
  return runsOf(order)?.join(', ') ?? 'The order of experts by likeness';
};

const doneTo = (order: ReadingOrder): string => (runsOf(order) === null ? 'computed' : 'read');

/** Total size of the files of the runs in a question. */
const bytesOf = async (order: ReadingOrder): Promise<number> => {
  let bytes = 0;
  for (const run of runsOf(order) ?? []) bytes += await bytesIn(join(order.workspace, 'runs', run));
  return bytes;
};

/** A thread and its current order. */
class ReadingThread {
  readonly #worker: Worker;
  readonly #ended: (thread: ReadingThread) => void;
  readonly #mostMs: number;
  #waiting: Waiting | null = null;
  #why: unknown = null;

  constructor(program: string, processorMs: number, ended: (thread: ReadingThread) => void) {
    this.#ended = ended;
    this.#mostMs = processorMs;
    this.#worker = new Worker(program, {
      // This process's options (a debugger's port, a test runner's loader) are not for the thread.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MEGABYTES },
    });
    this.#worker.on('message', (message: unknown) => this.#answered(message));
    this.#worker.on('error', (error) => this.#over(error));
    this.#worker.on('exit', () => this.#over(null));
    this.#worker.unref();
  }

  /** Works on an order and settles it whatever happens. */
  async work(waiting: Waiting): Promise<void> {
    this.#waiting = waiting;
    // From here on the process stays alive for the answer.
    this.#worker.ref();
    const megabytes = (await bytesOf(waiting.order)) / 2 ** 20;
    const mostProcessorMs = this.#mostMs + PROCESSOR_MS_PER_MEGABYTE * megabytes;
    const before = await processorMs(this.#worker);
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        clearTimeout(deadline);
        clearInterval(look);
        this.#worker.unref();
        resolve();
      };
      this.#waiting = {
        ...waiting,
        resolve: (value) => {
          finish();
          waiting.resolve(value);
        },
        reject: (error) => {
          finish();
          waiting.reject(error);
        },
      };
      const isLimited = runsOf(waiting.order) !== null;
      const deadline = isLimited ? setTimeout(() => this.#tooSlow(ANSWER_MS, 's'), ANSWER_MS) : undefined;
      const look = setInterval(() => {
        void processorMs(this.#worker).then((spent) => {
          if (isLimited && spent - before > mostProcessorMs) this.#tooSlow(mostProcessorMs, 's of CPU time');
        });
      }, LOOK_EVERY_MS);
      if (this.#why === null) this.#worker.postMessage(waiting.order);
      else this.#settleEnded();
    });
  }

  get isAlive(): boolean {
    return this.#why === null;
  }

  async end(why: unknown): Promise<void> {
    this.#why ??= why;
    this.#ended(this);
    this.#settleEnded();
    await this.#worker.terminate();
  }

  #answered(message: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    const report = readingReport.parse(message);
    if (report.is === 'answer') waiting?.resolve(report.value);
    else waiting?.reject(reviveError(report.error));
  }

  #tooSlow(limitMs: number, unit: string): void {
    if (this.#waiting === null) return;
    void this.end(
      refuse(
        'read-too-slow',
        `${words(this.#waiting.order)} was not read in ${(limitMs / 1000).toFixed(0)} ${unit}.`,
        'Its files contain more than a run measures or were not written by a run: remove it, or measure it again.',
      ),
    );
  }

  #over(error: unknown): void {
    const what = this.#waiting === null ? 'A run' : words(this.#waiting.order);
    const done = this.#waiting === null ? 'read' : doneTo(this.#waiting.order);
    const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    this.#why ??= isMemory
      ? refuse(
          'read-too-large',
          `${what} needs more than ${MAX_HEAP_MEGABYTES} MB of memory to be ${done}.`,
          done === 'read'
            ? 'Its files contain more than a run measures: remove the run, or measure it in parts.'
            : 'Use a method that needs less, or a model with fewer experts.',
          error,
        )
      : (noThread(error) ??
        fail(
          'reader-ended',
          `${what} was not ${done}: the thread that reads ended${error instanceof Error ? ` (${error.message})` : ''}.`,
          'Try again.',
          error,
        ));
    this.#settleEnded();
    this.#ended(this);
  }

  #settleEnded(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(this.#why);
  }
}

export interface RunReaderSettings {
  readonly workspace: string;
  /** Folder of the bundled resources. */
  readonly resources: string;
  /** This user's folder outside of workspaces, where checks are remembered; default: nowhere. */
  readonly state?: string | null | undefined;
  /** Runs that this process is working on, whose files change. */
  readonly live?: (() => readonly string[]) | undefined;
  /**
   * Runs that this process has measured itself: it reads them without a thread, which would load the engine's modules
   * again. Not for a process that must answer others meanwhile. Default: none.
   */
  readonly measured?: MeasuredRuns | undefined;
  /** The program of the threads; default: the engine's. */
  readonly program?: string | undefined;
  /** CPU time limit for one answer, and its extension per megabyte of the run's files; default: ample for a run. */
  readonly processorMs?: number | undefined;
}

/** Answers orders in this process, one at a time. */
const createAnswersHere = (measured: MeasuredRuns): ((order: ReadingOrder) => Promise<unknown>) => {
  let answers: Promise<(order: ReadingOrder) => Promise<unknown>> | null = null;
  let last: Promise<unknown> = Promise.resolve();
  return (order) => {
    answers ??= import('./answer-orders.ts').then(({ createOrderAnswers }) => createOrderAnswers(measured));
    const [answering, before] = [answers, last];
    const answer = before.then(async () => (await answering)(order));
    last = answer.catch(() => undefined);
    return answer;
  };
};

/** Reads runs in threads that start on demand and then wait for the next question. */
export const createRunReader = ({
  workspace,
  resources,
  state = null,
  live = () => [],
  measured = new Map(),
  program,
  processorMs = PROCESSOR_MS,
}: RunReaderSettings): RunReader => {
  const idle: ReadingThread[] = [];
  const threads = new Set<ReadingThread>();
  const queue: Waiting[] = [];
  const working = new Map<Waiting, ReadingThread>();
  const answerHere = createAnswersHere(measured);
  let isDisposed = false;

  const gone = (thread: ReadingThread): void => {
    threads.delete(thread);
    const index = idle.indexOf(thread);
    if (index >= 0) idle.splice(index, 1);
  };
  const start = (): ReadingThread => {
    const thread = new ReadingThread(program ?? engineProgram('run-reader'), processorMs, gone);
    threads.add(thread);
    return thread;
  };
  const next = (): void => {
    if (queue.length === 0) return;
    const thread = idle.pop() ?? (threads.size < MOST_THREADS ? start() : null);
    const waiting = thread === null ? undefined : queue.shift();
    if (thread === null || waiting === undefined) return;
    if (waiting.isCancelled()) {
      idle.push(thread);
      return next();
    }
    working.set(waiting, thread);
    void thread.work(waiting).then(() => {
      working.delete(waiting);
      if (thread.isAlive) idle.push(thread);
      next();
    });
  };
  const cancel = (waiting: Waiting, why: WorkbenchError): void => {
    waiting.reject(why);
    void working.get(waiting)?.end(why);
  };
  const isReadHere = (order: ReadingOrder): boolean => {
    const runs = runsOf(order) ?? [];
    return runs.length > 0 && runs.every((run) => measured.has(run));
  };
  return {
    read: async <N extends ReadingName>(question: QuestionOf<N>, signal?: AbortSignal): Promise<ReadingAnswer<N>> => {
      const order = { workspace, resources, state, live: [...live()], question };
      const stopListening = new AbortController();
      try {
        const value = await new Promise<unknown>((resolve, reject) => {
          if (isDisposed) throw new Error('the reader of runs is disposed of');
          const why = callCancelled(runsOf(order) === null ? words(order) : `Reading ${words(order)}`);
          if (signal?.aborted === true) throw why;
          const waiting: Waiting = { order, resolve, reject, isCancelled: () => signal?.aborted === true };
          signal?.addEventListener('abort', () => cancel(waiting, why), { signal: stopListening.signal });
          if (isReadHere(order)) return void answerHere(order).then(resolve, reject);
          queue.push(waiting);
          next();
        });
        return z.custom<ReadingAnswer<N>>().parse(value);
      } finally {
        stopListening.abort();
      }
    },
    dispose: async () => {
      isDisposed = true;
      const ended = new WorkbenchError('cancelled', 'cancelled', 'Reading was cancelled.', 'Try again.');
      for (const { reject } of queue.splice(0)) reject(ended);
      await Promise.all([...threads].map((thread) => thread.end(ended)));
    },
  };
};
