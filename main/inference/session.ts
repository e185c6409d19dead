import path from 'node:path';
import { valuesIn } from '../arithmetic/vectors.ts';
import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import type { ProviderName } from '../contract/device.ts';
import { fail, refuse } from '../contract/errors.ts';
import type { TensorView, Weight } from '../checkpoint/descriptor.ts';
import { readTensor, readTensorBytes } from '../checkpoint/read-tensor.ts';
import { readWithScales } from '../checkpoint/weight-reader.ts';
import type { SerialisedGraph } from '../graph/onnx-graph.ts';
import { providers } from './providers/provider.ts';

/**
 * Else onnxruntime, from its release 1.29 on, sends facts of the machine and of every model to its makers, from Linux
 * and macOS, and keeps an identifier and a database in the user's cache. It reads this once, at its first session.
 * Source: onnxruntime's docs/Privacy.md, "Disabling Telemetry".
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';

export interface SessionSettings {
  readonly threads: number;
  /** Folder that external weight locations are relative to. */
  readonly externalRoot: string;
  /**
   * `resident`: 16-bit weights become float32 once and are repacked for speed (costs their memory). `mapped`: weights
   * stay in the file and are read through it on every run (costs time, saves memory).
   */
  readonly weights: 'resident' | 'mapped';
  /** A graph of thousands of nodes: constants are folded, but nothing is fused, since looking for it takes long. */
  readonly isLong?: boolean;
  /** Provider of the nodes; the processor by default. */
  readonly provider?: ProviderName | undefined;
  /** Records where every node runs, in a file whose path begins with this; `endProfiling` completes it. */
  readonly profilePrefix?: string | undefined;
}

export type Feeds = Readonly<Record<string, Tensor>>;

/**
 * An onnxruntime session over one graph, opened from bytes. Dispose it: garbage collection does not free it.
 *
 * The provider is the only one listed: with several, onnxruntime drops unavailable ones with a warning. Nodes for which
 * a provider has no kernel still run on the processor; a probe counts them.
 */
export class Session {
  readonly #session: InferenceSession;
  readonly #name: string;

  private constructor(session: InferenceSession, name: string) {
    this.#session = session;
    this.#name = name;
  }

  /** `graph`: as made here, or the bytes of a file. */
  static async open(name: string, graph: SerialisedGraph | Uint8Array, settings: SessionSettings): Promise<Session> {
    const { provider = 'cpu', profilePrefix } = settings;
    const mapped = settings.weights === 'mapped';
    const { title, runtimeName, platforms, environment } = providers[provider];
    if (!listSupportedBackends().some((backend) => backend.name === runtimeName)) {
      throw refuse(
        'provider-absent',
        `onnxruntime has no ${title} on ${process.platform} ${process.arch} (only on ${platforms}).`,
        'Choose another device: "uncurl doctor" lists them.',
      );
    }
    Object.assign(process.env, environment);
    const { bytes, given } = 'given' in graph ? graph : { bytes: graph, given: new Map<never, never>() };
    const externalData = await valuesOf(given, settings.externalRoot);
    try {
      const session = await InferenceSession.create(bytes, {
        ...(externalData.length === 0 ? {} : { externalData }),
        executionProviders: [runtimeName],
        ...(profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: profilePrefix }),
        intraOpNumThreads: settings.threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: mapped ? 'disabled' : settings.isLong === true ? 'basic' : 'all',
        enableMemPattern: false,
        logSeverityLevel: 3,
        extra: {
          session: {
            model_external_initializers_file_folder_path: settings.externalRoot,
            disable_prepacking: mapped ? '1' : '0',
            // Waiting threads sleep instead of using the core that the window needs.
            intra_op: { allow_spinning: '0' },
          },
        },
      });
      return new Session(session, name);
    } catch (cause) {
      throw fail(
        'session-failed',
        `onnxruntime could not open ${name} on ${title}: ${messageOf(cause)}`,
        'Run "uncurl doctor"; if memory is short, lower the memory budget.',
        cause,
      );
    }
  }

  /** Runs the graph once; `outputs` lists the outputs to fetch. */
  async run(feeds: Feeds, outputs: readonly string[]): Promise<Readonly<Record<string, Tensor>>> {
    try {
      const results = await this.#session.run(feeds, [...outputs]);
      const tensors: Record<string, Tensor> = {};
      for (const output of outputs) {
        const tensor = results[output];
        if (!(tensor instanceof Tensor)) throw new Error(`no output "${output}"`);
        tensors[output] = tensor;
      }
      return tensors;
    } catch (cause) {
      throw fail(
        'run-failed',
        `onnxruntime failed in ${this.#name}: ${messageOf(cause)}`,
        'Run "uncurl doctor"; if memory is short, lower the memory budget.',
        cause,
      );
    }
  }

  /** Completes the profile's file. */
  endProfiling(): void {
    this.#session.endProfiling();
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

/** Bytes of tensors that a session does not read from files itself; of blocks, their values in float32. */
const valuesOf = async (
  given: SerialisedGraph['given'],
  root: string,
): Promise<{ readonly path: string; readonly data: Uint8Array }[]> => {
  const values: { path: string; data: Uint8Array }[] = [];
  for (const [location, { name, location: file, byteOffset, byteLength, blocks }] of given) {
    const view = { tensor: name, file: path.join(root, file), dtype: 'U8', shape: [byteLength] } as const;
    values.push({
      path: location,
      data:
        blocks === undefined
          ? await readTensorBytes({ ...view, byteOffset, byteLength })
          : new Uint8Array((await readQuantised(blocks)).buffer),
    });
  }
  return values;
};

const readQuantised = (blocks: TensorView | Weight): Promise<Float32Array> =>
  'stored' in blocks ? readWithScales(blocks) : readTensor(blocks);

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

export const floatTensor = (data: Float32Array, shape: readonly number[]): Tensor => new Tensor('float32', data, shape);

export const zeros = (shape: readonly number[]): Tensor => floatTensor(new Float32Array(valuesIn(shape)), shape);

/** int64 tensor from whole numbers. Written as pairs of int32, the lower first: a bigint for each would be slow. */
export const integerTensor = (values: ArrayLike<number>, shape: readonly number[]): Tensor => {
  const { length } = values;
  const whole = new BigInt64Array(length);
  const halves = new Int32Array(whole.buffer);
  for (let index = 0; index < length; index += 1) {
    const value = values[index] ?? 0;
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no whole number`);
    halves[2 * index] = value;
    halves[2 * index + 1] = Math.floor(value / 2 ** 32);
  }
  return new Tensor('int64', whole, shape);
};

export const floatsOf = (tensor: Tensor): Float32Array => {
  if (!(tensor.data instanceof Float32Array)) throw new Error(`expected float32, got ${tensor.type}`);
  return tensor.data;
};

/** int64 values that are small by construction (expert indices) as int32. */
export const integersOf = (tensor: Tensor): Int32Array => {
  if (!(tensor.data instanceof BigInt64Array)) throw new Error(`expected int64, got ${tensor.type}`);
  const { buffer, byteOffset, length } = tensor.data;
  const halves = new Int32Array(buffer, byteOffset, 2 * length);
  const values = new Int32Array(length);
  for (let index = 0; index < length; index += 1) values[index] = halves[2 * index] ?? 0;
  return values;
};

export const booleansOf = (tensor: Tensor): Uint8Array => {
  if (!(tensor.data instanceof Uint8Array)) throw new Error(`expected bool, got ${tensor.type}`);
  return tensor.data;
};
