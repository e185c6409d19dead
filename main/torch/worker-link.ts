import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { valuesIn } from '../arithmetic/vectors.ts';
import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { withoutAllocation } from '../contract/allocation.ts';
import type { TorchPrecision } from '../contract/device.ts';
import { CancelledError, present, refuse, WorkbenchError } from '../contract/errors.ts';
import { endingReason, isLackOfMemory, saidAtEnd } from '../contract/process-end.ts';

/** Tensors of a frame: float32 or int32, row-major. */
export interface FrameTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

export interface WorkerAnswer {
  readonly header: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, FrameTensor>;
}

/** A list of whole numbers. */
export const row = (values: readonly number[]): FrameTensor => ({
  shape: [values.length],
  values: Int32Array.from(values),
});

const valuesOf = ({ tensors }: WorkerAnswer, name: string): FrameTensor['values'] =>
  present(tensors.get(name), `the PyTorch process gave no ${name}`).values;

export const floats = (answer: WorkerAnswer, name: string): Float32Array => {
  const values = valuesOf(answer, name);
  if (!(values instanceof Float32Array)) throw new Error(`${name} of the PyTorch process is not float32`);
  return values;
};

export const integers = (answer: WorkerAnswer, name: string): Int32Array => {
  const values = valuesOf(answer, name);
  if (!(values instanceof Int32Array)) throw new Error(`${name} of the PyTorch process is not int32`);
  return values;
};

export interface WorkerOrder {
  /** Path of the Python that runs the worker. */
  readonly python: string;
  /** resources/torch/worker.py. */
  readonly script: string;
  /** `cpu`, `cuda:N` or `auto`; for a team also several devices, separated by commas. */
  readonly device: string;
  readonly threads: number;
}

/** A process to start, and the precision of its models; null: by the checkpoint and the device. */
export interface TorchOrder extends WorkerOrder {
  readonly precision: TorchPrecision | null;
}

const answerHeader = z.looseObject({
  /** Number of the request that it answers. */
  id: z.number().int().optional(),
  /** Name of a tensor that the process waits for, in place of an answer. */
  asks: boundedText.optional(),
  error: z.object({ code: boundedText, message: boundedText }).optional(),
  tensors: boundedList(
    z.object({
      name: boundedText,
      dtype: z.enum(['F32', 'I32']),
      shape: boundedList(z.number().int().nonnegative()),
    }),
  ).default([]),
});

/** Bytes of an answer's header: names and shapes of a few hundred tensors. */
const MAX_HEADER_BYTES = 2 ** 20;
/** Characters kept from the end of standard error, which contains the reason of a death. */
const MAX_STDERR = 4_000;
const LENGTH_BYTES = 4;
const VALUE_BYTES = 4;
/** Bytes written at once: longer buffers do not fit the lengths that Node hands on. */
const MOST_WRITTEN = 2 ** 30;

const REMEDIES: Readonly<Record<string, string>> = {
  'no-such-device':
    'Choose another --device: cpu, cuda:N for a card that PyTorch finds, several of them, or auto for all cards.',
  'torch-architecture': 'Install a transformers that has it, or compute with --engine onnxruntime.',
  'torch-memory': 'Use a smaller --precision, or a card with more free memory.',
};
const OTHER_REMEDY = 'Compute with --engine onnxruntime, or try another version of PyTorch or transformers.';
/** Errors that concern what was asked for, not how the work went. */
const REFUSALS = new Set(['no-such-device', 'torch-architecture', 'torch-weights', 'torch-router', 'torch-cache']);

/** Gives tensors that a process asks for by name while it works. */
export type Supply = (name: string) => Promise<FrameTensor>;

/** A request: what is asked for, with its settings and its tensors. */
export type WorkerRequest = readonly [
  op: string,
  content: Readonly<Record<string, unknown>>,
  tensors: Readonly<Record<string, FrameTensor>>,
  signal: AbortSignal,
];

interface Waiting {
  readonly resolve: (answer: WorkerAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** Collects bytes until a reader has as many as it needs. */
class Incoming {
  #chunks: Buffer[] = [];
  #bytes = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The next `length` bytes, or null while there are fewer. */
  take(length: number): Buffer | null {
    if (this.#bytes < length) return null;
    const all = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    this.#chunks = all.length > length ? [all.subarray(length)] : [];
    this.#bytes -= length;
    return all.subarray(0, length);
  }
}

/**
 * A Python process that computes with PyTorch (resources/torch/worker.py describes its frames). It answers one request
 * after the other; an abort kills it, so that it stops whatever it is doing. It ends by itself when this process does.
 */
export class WorkerLink {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #incoming = new Incoming();
  #header: z.infer<typeof answerHeader> | null = null;
  #headerBytes: number | null = null;
  #next = 0;
  #stderr = '';
  #end: Error | null = null;
  #supply: Supply | null = null;
  /** Why a tensor could not be given, which is why the request that needs it fails. */
  #unsupplied: unknown = null;

  constructor({ python, script, device, threads }: WorkerOrder) {
    this.#child = spawn(python, ['-u', '-B', script, device, String(threads)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: withoutAllocation(process.env),
    });
    this.#child.stdout.on('data', (chunk: Buffer) => {
      try {
        this.#read(chunk);
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error(String(error)));
        this.#child.kill('SIGKILL');
      }
    });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-MAX_STDERR);
    });
    // A worker that died is reported by its end.
    this.#child.stdin.on('error', () => undefined);
    this.#child.once('error', (error) =>
      this.#fail(refuse('no-python', `${python} does not start.`, OTHER_REMEDY, error)),
    );
    this.#closed = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        const end = signal ?? code ?? 0;
        const said = saidAtEnd(this.#stderr);
        this.#fail(
          new WorkbenchError(
            'torch-worker-ended',
            'failed',
            `The PyTorch process ended (${signal ?? `exit code ${code}`}): ${endingReason(end)}` +
              (said === '' ? '.' : `. It said: ${said}`),
            isLackOfMemory(end)
              ? 'Close other programs, use a smaller --precision or a machine with more memory, and resume: finished ' +
                  'steps stay.'
              : 'Run the command again. If the memory was full, use a smaller --precision.',
          ),
        );
        resolve();
      });
    });
  }

  /** Whether the process ended or was killed, so that it answers nothing more. */
  get hasEnded(): boolean {
    return this.#end !== null;
  }

  /** Whether it has not answered every request. */
  get isBusy(): boolean {
    return this.#waiting.size > 0;
  }

  /** Sends a request and waits for its answer. @throws WorkbenchError of the worker, or CancelledError. */
  async request(...[op, content, tensors, signal]: WorkerRequest): Promise<WorkerAnswer> {
    if (signal.aborted) throw new CancelledError('The work with PyTorch');
    if (this.#end !== null) throw this.#end;
    const id = this.#next++;
    const cancel = (): void => {
      this.#fail(new CancelledError('The work with PyTorch'));
      this.#child.kill('SIGKILL');
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<WorkerAnswer>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#send({ ...content, id, op }, tensors);
      });
    } finally {
      this.#waiting.delete(id);
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Where tensors come from that the process asks for from now on. */
  set supply(supply: Supply) {
    this.#supply = supply;
  }

  /** Kills the process; resolves once it is gone. */
  async dispose(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #send(content: Readonly<Record<string, unknown>>, tensors: Readonly<Record<string, FrameTensor>>): void {
    const listed = Object.entries(tensors);
    const header = Buffer.from(
      JSON.stringify({
        ...content,
        tensors: listed.map(([name, { shape, values }]) => ({
          name,
          dtype: values instanceof Float32Array ? 'F32' : 'I32',
          shape,
        })),
      }),
    );
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(header.length);
    this.#child.stdin.write(length);
    this.#child.stdin.write(header);
    for (const [, { values }] of listed)
      for (let start = 0; start < values.byteLength; start += MOST_WRITTEN) {
        const bytes = Math.min(MOST_WRITTEN, values.byteLength - start);
        this.#child.stdin.write(Buffer.from(values.buffer, values.byteOffset + start, bytes));
      }
  }

  /** Answers what the process asks for. */
  async #give(name: string): Promise<void> {
    try {
      if (this.#supply === null) throw new Error(`the PyTorch process asks for ${name}, which nothing gives`);
      const values = await this.#supply(name);
      this.#send({ gives: name }, { values });
    } catch (error) {
      this.#unsupplied = error;
      const message = error instanceof Error ? error.message : String(error);
      this.#send({ gives: name, error: message }, {});
    }
  }

  #fail(error: Error): void {
    this.#end ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }

  #read(chunk: Buffer): void {
    this.#incoming.add(chunk);
    for (;;) {
      if (this.#headerBytes === null) {
        const length = this.#incoming.take(LENGTH_BYTES);
        if (length === null) return;
        this.#headerBytes = length.readUInt32LE();
        if (this.#headerBytes > MAX_HEADER_BYTES) throw new Error('The PyTorch process does not answer in frames.');
      }
      if (this.#header === null) {
        const text = this.#incoming.take(this.#headerBytes);
        if (text === null) return;
        this.#header = answerHeader.parse(JSON.parse(text.toString()));
      }
      const header = this.#header;
      const sizes = header.tensors.map(({ shape }) => valuesIn(shape));
      const payload = this.#incoming.take(sizes.reduce((sum, size) => sum + size * VALUE_BYTES, 0));
      if (payload === null) return;
      [this.#header, this.#headerBytes] = [null, null];
      this.#answer(header, sizes, payload);
    }
  }

  #answer(header: z.infer<typeof answerHeader>, sizes: readonly number[], payload: Buffer): void {
    if (header.asks !== undefined) {
      void this.#give(header.asks);
      return;
    }
    const waiting = this.#waiting.get(header.id ?? -1);
    if (waiting === undefined) return;
    if (header.error !== undefined) {
      const { code, message } = header.error;
      if (this.#unsupplied !== null) {
        waiting.reject(this.#unsupplied);
        this.#unsupplied = null;
        return;
      }
      const kind = REFUSALS.has(code) ? 'refused' : 'failed';
      waiting.reject(new WorkbenchError(code, kind, message, REMEDIES[code] ?? OTHER_REMEDY));
      return;
    }
    const tensors = new Map<string, FrameTensor>();
    let start = 0;
    header.tensors.forEach(({ name, dtype, shape }, index) => {
      const end = start + (sizes[index] ?? 0) * VALUE_BYTES;
      // A copy is aligned, which a part of a chunk need not be.
      const bytes = Uint8Array.from(payload.subarray(start, end)).buffer;
      tensors.set(name, { shape, values: dtype === 'F32' ? new Float32Array(bytes) : new Int32Array(bytes) });
      start = end;
    });
    waiting.resolve({ header, tensors });
  }
}

/**
 * One process for each device of an order, all with the same models. Work that is shared out goes to its members in
 * turn, and its parts do not depend on how many there are.
 */
export class WorkerTeam {
  readonly #links: readonly WorkerLink[];

  constructor(order: WorkerOrder) {
    this.#links = order.device.split(',').map((device) => new WorkerLink({ ...order, device }));
  }

  get size(): number {
    return this.#links.length;
  }

  /** Whether a process ended or was killed. */
  get hasEnded(): boolean {
    return this.#links.some((link) => link.hasEnded);
  }

  /** Whether a process has not answered every request. */
  get isBusy(): boolean {
    return this.#links.some((link) => link.isBusy);
  }

  /** Where tensors come from that the processes ask for from now on. */
  set supply(supply: Supply) {
    for (const link of this.#links) link.supply = supply;
  }

  /** A request to the process whose turn it is for part `part`. @throws as `WorkerLink.request`. */
  request(part: number, ...[op, content, tensors, signal]: WorkerRequest): Promise<WorkerAnswer> {
    const link = present(this.#links[part % this.size], 'a team without processes');
    return link.request(op, content, tensors, signal);
  }

  /** The same request to all; answers in the order of devices. @throws the first error, when all have answered. */
  requestAll(
    op: string,
    content: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<readonly WorkerAnswer[]> {
    return allSettled(this.#links.map((link) => link.request(op, content, {}, signal)));
  }

  /** Kills all processes; resolves once they are gone. */
  async dispose(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.dispose()));
  }
}

/** All results in order. @throws the first error in order, when all have ended. */
export const allSettled = async <T>(works: readonly Promise<T>[]): Promise<T[]> => {
  const ends = await Promise.allSettled(works);
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
};
