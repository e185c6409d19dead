import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { refuse } from '../contract/errors.ts';
import { engineProgram } from './engine-program.ts';
import {
  type ParquetAnswer,
  parquetAnswer,
  type ParquetColumn,
  type ParquetFacts,
  type ParquetQuestion,
} from './parquet-messages.ts';
import { explainReadError, openRegularFile } from './regular-file.ts';
import { noThread, processorMs } from './process-limits.ts';

/** Limit of JavaScript's heap while rows are made from pages, and of the pages' memory outside it. */
const MAX_HEAP_MEGABYTES = 2048;
const MAX_OUTSIDE_BYTES = 2 ** 31;
/** Interval at which memory and CPU time of a reading thread are checked. */
const LOOK_EVERY_MS = 250;
/**
 * CPU time limit for one answer, independent of the machine's load: a small file takes some ms, a megabyte on disk up
 * to 100, a row of twenty columns 0.01.
 */
const PROCESSOR_MS = 1_200;
const PROCESSOR_MS_PER_MEGABYTE = 1_000;
const PROCESSOR_MS_PER_ROW = 0.05;
/** Time limit for one answer, ample on a busy machine: for a small file, and per megabyte on disk. */
const ANSWER_MS = 30_000;
const ANSWER_MS_PER_MEGABYTE = 1_000;

export interface ParquetLimits {
  readonly mostRows: number;
  /** Limit for the unpacked content of the pages. */
  readonly mostBytes: number;
  /** Default: depends on the size of the file. */
  readonly answerMs?: number;
}

export interface ParquetReader {
  readonly facts: ParquetFacts;
  /** Rows as objects by column; all columns unless some are named. */
  rows(rowStart: number, rowEnd: number, columns?: readonly string[]): Promise<readonly Record<string, unknown>[]>;
  /**
   * The same rows by column, several times as fast: `at(row)` is the column's value in a row counted from `rowStart`.
   * A column that the file lacks is undefined everywhere.
   */
  columns(rowStart: number, rowEnd: number, names: readonly string[]): Promise<ParquetColumns>;
  close(): Promise<void>;
}

export type ParquetColumns = Readonly<Record<string, (row: number) => unknown>>;

/** A function that returns the column's value in a row. */
const columnReader = (column: ParquetColumn): ((row: number) => unknown) => {
  switch (column.kind) {
    case 'nulls':
      return () => null;
    case 'numbers':
    case 'values':
      return (row) => column.values[row];
    case 'texts':
      return (row) => column.texts[column.numbers[row] ?? -1] ?? null;
    case 'lists': {
      const { lengths, values } = column;
      const ends = new Int32Array(lengths.length);
      let end = 0;
      lengths.forEach((length, row) => {
        end += Math.max(0, length);
        ends[row] = end;
      });
      return (row) => {
        const length = lengths[row] ?? -1;
        const last = ends[row] ?? 0;
        return length < 0 ? null : Array.from({ length }, (_, index) => values[last - length + index]);
      };
    }
  }
};

const badParquet = (file: string, what: string, cause?: unknown): Error =>
  refuse(
    'bad-parquet',
    `${file} is not a readable Parquet file (${what}).`,
    'Write it again, for instance with pandas or pyarrow.',
    cause,
  );

const refusalOf = (file: string, { message, system, code }: Extract<ParquetAnswer, { answer: 'error' }>): unknown => {
  if (system !== null) return explainReadError(Object.assign(new Error(message), { code: system }), file);
  switch (code) {
    case 'too-large':
      return refuse('task-too-large', `${file}: ${message}.`, 'Split the task into several, or leave out columns.');
    case 'compression':
      return refuse(
        'bad-parquet',
        `${file}: ${message}.`,
        'Write it with snappy, gzip, brotli or zstd, or uncompressed.',
      );
    case 'damaged':
      return badParquet(file, message);
  }
};

/** A thread and the receiver of its answers and its end; null while it is idle. */
interface Thread {
  readonly worker: Worker;
  owner: ReadingThread | null;
}

/** Threads that are kept for the next files: two, since a comparison reads two files side by side. */
const MOST_IDLE = 2;
/** Threads that have read their files successfully are reused: starting one takes longer than reading a small file. */
const idle = new Set<Thread>();

const startThread = (): Thread => {
  const worker = new Worker(engineProgram('parquet-worker'), {
    // This process's options (a debugger's port, a test runner's loader) are not for the thread.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MEGABYTES },
  });
  const thread: Thread = { worker, owner: null };
  const ended = (error: unknown): void => {
    // An error while idle concerns no file and must not end the engine.
    idle.delete(thread);
    thread.owner?.ended(error);
  };
  worker.on('message', (message: unknown) => thread.owner?.answered(message));
  worker.on('error', ended);
  worker.on('exit', () => ended(new Error('its reader ended')));
  return thread;
};

const takeThread = (): Thread => {
  const [kept] = idle;
  const thread = kept ?? startThread();
  idle.delete(thread);
  thread.worker.ref();
  return thread;
};

/** Keeps a thread for the next file, without keeping the process alive. */
const giveBack = async (thread: Thread): Promise<void> => {
  thread.owner = null;
  if (idle.size >= MOST_IDLE) {
    await thread.worker.terminate();
    return;
  }
  idle.add(thread);
  thread.worker.unref();
};

/** One thread, asked one question at a time. Whatever it does, an answer or a refusal comes before the deadline. */
class ReadingThread {
  readonly #file: string;
  readonly #sizeBytes: number;
  readonly #answerMs: number;
  readonly #thread: Thread;
  #ended: unknown = null;
  #isSpent = false;
  #settle: ((answer: ParquetAnswer | null) => void) | null = null;

  constructor(file: string, sizeBytes: number, answerMs: number) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#answerMs = answerMs;
    this.#thread = takeThread();
    this.#thread.owner = this;
  }

  async ask(question: ParquetQuestion): Promise<Exclude<ParquetAnswer, { answer: 'error' }>> {
    const deadline = setTimeout(
      () => this.#end(badParquet(this.#file, `it was not read in ${(this.#answerMs / 1000).toFixed(0)} s`)),
      this.#answerMs,
    );
    const rows = 'rowEnd' in question ? question.rowEnd - question.rowStart : 0;
    const most = PROCESSOR_MS + (PROCESSOR_MS_PER_MEGABYTE * this.#sizeBytes) / 2 ** 20 + PROCESSOR_MS_PER_ROW * rows;
    const before = await processorMs(this.#thread.worker);
    const look = setInterval(() => {
      void this.#lookAtMemory();
      void this.#lookAtProcessor(before + most, most);
    }, LOOK_EVERY_MS);
    try {
      const answer = await new Promise<ParquetAnswer | null>((resolve) => {
        this.#settle = resolve;
        if (this.#ended === null) this.#thread.worker.postMessage(question);
        else resolve(null);
      });
      if (answer === null) throw this.#ended;
      if (answer.answer === 'error') {
        // Its other columns may still be in progress and would answer for the next file; only a header is read alone.
        this.#isSpent = question.ask !== 'open';
        throw refusalOf(this.#file, answer);
      }
      return answer;
    } finally {
      clearTimeout(deadline);
      clearInterval(look);
    }
  }

  async close(): Promise<void> {
    if (this.#ended === null && !this.#isSpent) await giveBack(this.#thread);
    else await this.#thread.worker.terminate();
  }

  answered(message: unknown): void {
    const answer = parquetAnswer.safeParse(message);
    // Damaged names and counts may be of any type: an exception here would end the process.
    if (answer.success) this.#settle?.(answer.data);
    else this.#end(badParquet(this.#file, 'its header is of another form', answer.error));
  }

  ended(error: unknown): void {
    this.#end(this.#wordsFor(error));
  }

  #end(why: unknown): void {
    this.#ended ??= why;
    void this.#thread.worker.terminate();
    this.#settle?.(null);
  }

  #wordsFor(error: unknown): Error {
    const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    if (isMemory)
      return refuse(
        'task-too-large',
        `${this.#file} needs more than ${MAX_HEAP_MEGABYTES} MB of memory to be read.`,
        'Split the task into several, or leave out columns.',
        error,
      );
    return noThread(error) ?? badParquet(this.#file, error instanceof Error ? error.message : String(error), error);
  }

  async #lookAtProcessor(until: number, mostMs: number): Promise<void> {
    if ((await processorMs(this.#thread.worker)) > until)
      this.#end(badParquet(this.#file, `it was not read in ${(mostMs / 1000).toFixed(1)} s of CPU time`));
  }

  async #lookAtMemory(): Promise<void> {
    const { external_memory: outside } = await this.#thread.worker
      .getHeapStatistics()
      .catch(() => ({ external_memory: 0 }));
    if (outside > MAX_OUTSIDE_BYTES)
      this.#end(
        refuse(
          'task-too-large',
          `${this.#file} needs more than ${MAX_OUTSIDE_BYTES} bytes of memory to be read.`,
          'Split the task into several, or leave out columns.',
        ),
      );
  }
}

/**
 * Opens a Parquet file (uncompressed, snappy, gzip, brotli or zstd) in a thread that is ended if it takes too much time
 * or memory. The caller must close it.
 *
 * @throws WorkbenchError `missing-file`, `not-a-file`, `not-readable`, `bad-parquet`, `task-too-large`.
 */
export const openParquet = async (file: string, limits: ParquetLimits): Promise<ParquetReader> => {
  let sizeBytes: number;
  try {
    await (await openRegularFile(file)).handle.close();
    sizeBytes = (await stat(file)).size;
  } catch (error) {
    throw explainReadError(error, file);
  }
  const thread = new ReadingThread(
    file,
    sizeBytes,
    limits.answerMs ?? ANSWER_MS + (ANSWER_MS_PER_MEGABYTE * sizeBytes) / 2 ** 20,
  );
  const { mostRows, mostBytes } = limits;
  try {
    const answer = await thread.ask({ ask: 'open', file, mostRows, mostBytes });
    if (answer.answer !== 'facts') throw new Error('rows in place of facts');
    return {
      facts: answer.facts,
      rows: async (rowStart, rowEnd, columns) => {
        const rows: Record<string, unknown>[] = [];
        let question: ParquetQuestion = { ask: 'rows', rowStart, rowEnd, columns: columns && [...columns] };
        for (;;) {
          const read = await thread.ask(question);
          if (read.answer !== 'rows') throw new Error('facts in place of rows');
          for (const row of read.rows) rows.push(row);
          if (read.isLast) return rows;
          question = { ask: 'more' };
        }
      },
      columns: async (rowStart, rowEnd, names) => {
        const has = new Set(answer.facts.names);
        const columns = names.filter((name) => has.has(name));
        const read = await thread.ask({ ask: 'columns', columns, rowStart, rowEnd });
        if (read.answer !== 'columns') throw new Error('rows in place of columns');
        return Object.fromEntries(
          names.map((name) => {
            const column = read.columns.get(name);
            return [name, column === undefined ? () => undefined : columnReader(column)];
          }),
        );
      },
      close: () => thread.close(),
    };
  } catch (error) {
    await thread.close();
    throw error;
  }
};
