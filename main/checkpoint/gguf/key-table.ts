import type { Config } from '../config-reader.ts';
import type { ModelDescriptor } from '../descriptor.ts';
import type { Family } from '../families/family.ts';
import type { GgufValue, Metadata } from './gguf-metadata.ts';
import type { LlamaArchitecture } from './llama-architectures.ts';
import type { GgufContents } from './read-gguf.ts';

/** A model whose file is written. */
export interface Written {
  readonly model: ModelDescriptor;
  readonly config: Config;
  readonly architecture: LlamaArchitecture;
}

/** A file that is read as a model of a family. */
export interface Opened {
  readonly family: Family;
  readonly architecture: LlamaArchitecture;
  readonly metadata: Metadata;
  readonly contents: GgufContents;
  /** Values of `rope_freqs.weight`; null: there is none. */
  readonly factors: readonly number[] | null;
  readonly layers: number;
  /** Layers with a window. */
  readonly windowed: readonly boolean[];
}

/**
 * A key behind the architecture's name, what a file of a model has there (null: it has not got the key), and what a
 * reader makes of it: the name of the config's key with the same number, or a part of the config.
 */
export type Key<Own = unknown, OwnRecord = unknown> = readonly [
  name: string,
  write: (own: Own, written: Written) => GgufValue | null,
  read?: string | ((file: Opened, record: OwnRecord, name: string) => Config),
];

export const whole = (value: number): GgufValue => ({ kind: 'uint32', value });
export const real = (value: number): GgufValue => ({ kind: 'float32', value });
export const flag = (value: boolean): GgufValue => ({ kind: 'bool', value });
export const integers = (value: readonly number[]): GgufValue => ({ kind: 'int32s', value });

/** One number, or a list with a number for each layer where they are not the same. */
export const perLayer = (values: readonly number[]): GgufValue => {
  const [first = 0] = values;
  return values.every((value) => value === first) ? whole(first) : integers(values);
};

/** A key of the family's config with its value; nothing where the family has no such key. */
export const keyed = (key: string | boolean | null | undefined, value: () => unknown): Config =>
  typeof key === 'string' ? { [key]: value() } : {};

/** Reads a number as the key that a family has for it; `absent`: its value where the file has not got it. */
export const to =
  <OwnRecord>(
    keyOf: (record: OwnRecord, family: Family) => string | boolean | null | undefined,
    absent?: number | null,
  ) =>
  ({ family, metadata }: Opened, record: OwnRecord, name: string): Config =>
    keyed(keyOf(record, family), () =>
      absent === undefined ? metadata.number(name) : (metadata.optional(name) ?? absent),
    );

export const hasTensor = ({ contents }: Opened, name: string): boolean =>
  contents.tensors.some((tensor) => tensor.name === name);

/** The keys that a model's file has, in the order of the table, behind the architecture's name. */
export const writeKeys = <Own>(
  keys: readonly Key<Own, never>[],
  own: Own,
  written: Written,
): (readonly [string, GgufValue])[] =>
  keys.flatMap(([name, valueOf]) => {
    const value = valueOf(own, written);
    return value === null ? [] : [[`${written.architecture.name}.${name}`, value]];
  });

/** The part of a config that a table reads from a file. */
export const readKeys = <OwnRecord>(keys: readonly Key<never, OwnRecord>[], file: Opened, record: OwnRecord): Config =>
  Object.fromEntries(
    keys.flatMap(([name, , reading]) => {
      if (reading === undefined) return [];
      if (typeof reading === 'string') return [[reading, file.metadata.number(name)]];
      return Object.entries(reading(file, record, name));
    }),
  );
