import { refuse } from '../../contract/errors.ts';
import type { GgufContents, MetadataValue } from './read-gguf.ts';

/** A value that is written into a file. */
export type GgufValue =
  | { readonly kind: 'uint32' | 'int32' | 'float32'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'bools'; readonly value: readonly boolean[] }
  | { readonly kind: 'int32s' | 'float32s'; readonly value: readonly number[] };

export const refusal = (file: string, what: string): Error =>
  refuse('gguf-model-unknown', `${file}: ${what}.`, 'Open the model that the file was made of, in safetensors format.');

/** Reads metadata with one architecture's beginning of keys. */
export class Metadata {
  readonly #contents: GgufContents;
  readonly #architecture: string;

  constructor(contents: GgufContents, architecture: string) {
    this.#contents = contents;
    this.#architecture = architecture;
  }

  raw(key: string): MetadataValue | null {
    return this.#contents.metadata.get(`${this.#architecture}.${key}`)?.value ?? null;
  }

  /** A number, or a list of the same number for every layer; null if missing. */
  optional(key: string): number | null {
    const value = this.raw(key);
    if (value === null) return null;
    const [first, ...others] = [value].flat();
    if (typeof first !== 'number' || others.some((other) => other !== first))
      throw this.bad(key, value, 'the same number in every layer');
    return first;
  }

  /** A number or a list of numbers, as a list; the others than 0 must be the same. */
  numbers(key: string): readonly number[] {
    const value = this.raw(key);
    const all: readonly unknown[] = value === null ? [] : [value].flat();
    const counts = all.filter((each) => typeof each === 'number');
    if (counts.length !== all.length || new Set(counts.filter((each) => each !== 0)).size > 1)
      throw this.bad(key, value, 'the same number in every layer');
    return counts;
  }

  /** A number for each of the layers that are named, the same for all; a single number is that of every layer. */
  ofLayers(key: string, layers: readonly boolean[], named: boolean): number {
    const value = this.raw(key);
    const list: readonly unknown[] = value === null ? [] : Array.isArray(value) ? value : layers.map(() => value);
    const [first, ...others] = list.filter((_, layer) => layers[layer] === named);
    if (typeof first !== 'number' || list.length !== layers.length || others.some((other) => other !== first))
      throw this.bad(key, value, `a number for each of ${layers.length} layers, the same in those of a kind`);
    return first;
  }

  /** Whether each of the layers is of a kind; null if missing. */
  flags(key: string, layers: number): readonly boolean[] | null {
    const value = this.raw(key);
    if (value === null) return null;
    const list: readonly unknown[] = [value].flat();
    const flags = list.filter((each) => typeof each === 'boolean');
    if (flags.length !== layers || list.length !== layers) throw this.bad(key, value, `${layers} times true or false`);
    return flags;
  }

  /** A number for each layer; a single one is that of all. */
  ofEachLayer(key: string, layers: number): readonly number[] {
    const value = this.raw(key);
    const list: readonly unknown[] = Array.isArray(value) ? value : Array.from({ length: layers }, () => value);
    const numbers = list.filter((each) => typeof each === 'number');
    if (numbers.length !== layers || list.length !== layers)
      throw this.bad(key, value, `a number for each of ${layers} layers`);
    return numbers;
  }

  number(key: string): number {
    const value = this.optional(key);
    if (value === null) throw this.bad(key, null, 'a number');
    return value;
  }

  bad(key: string, value: MetadataValue | null, wanted: string): Error {
    const is = value === null ? 'missing' : JSON.stringify(value).slice(0, 100);
    return refusal(this.#contents.file, `"${this.#architecture}.${key}" is ${is}, not ${wanted}`);
  }
}
