import { refuse } from '../contract/errors.ts';
import type { Flag } from './families/family.ts';

export type Config = Readonly<Record<string, unknown>>;

/** Limit for sizes in a config: positions, tokens, widths. */
const MAX_SIZE = 2 ** 26;

/** Reads a config.json with a family's defaults. Refuses missing and ill-typed values, naming key and value. */
export class ConfigReader {
  readonly #config: Config;
  /** The file, and the key within it. */
  readonly location: string;
  readonly #defaults: Config;
  readonly #aliases: Readonly<Record<string, string>>;
  readonly #lengths = new Map<string, number>();
  readonly #read = new Set<string>();

  /** `aliases`: other names of keys, by the name that is read. */
  constructor(config: Config, location: string, defaults: Config, aliases: Readonly<Record<string, string>> = {}) {
    this.#config = config;
    this.location = location;
    this.#defaults = defaults;
    this.#aliases = aliases;
  }

  keys(): readonly string[] {
    return Object.keys(this.#config);
  }

  /** Keys with a value that nothing has asked for so far. */
  unreadKeys(): readonly string[] {
    return this.keys().filter((key) => this.#config[key] !== null && !this.#read.has(key));
  }

  /** Counts keys as read that another key overrules. */
  overrule(keys: readonly string[]): void {
    for (const key of keys) this.#read.add(key);
  }

  /** First of `keys` that the config itself contains. */
  presentKey(keys: readonly string[]): string | undefined {
    for (const key of keys) this.#read.add(key);
    return keys.find((key) => this.#config[key] !== undefined && this.#config[key] !== null);
  }

  /** The config's value, or the family's default; null counts as missing. */
  raw(key: string): unknown {
    const alias = this.#aliases[key];
    for (const each of alias === undefined ? [key] : [key, alias]) this.#read.add(each);
    return this.#config[key] ?? this.#config[this.#aliases[key] ?? ''] ?? this.#defaults[key] ?? null;
  }

  /** Whether the config itself says null, where a family's default is a number. */
  isNull(key: string): boolean {
    this.#read.add(key);
    return this.#config[key] === null;
  }

  number(key: string): number {
    const value = this.raw(key);
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
      throw this.bad(key, value, 'a positive number');
    return value;
  }

  /** `most`: larger numbers are not sizes of a model, and loops up to them would never end. */
  integer(key: string, most: number = MAX_SIZE): number {
    const value = this.number(key);
    if (!Number.isInteger(value)) throw this.bad(key, value, 'a whole number');
    if (value > most) throw this.bad(key, value, `a number up to ${most}`);
    this.#lengths.set(key, value);
    return value;
  }

  /** A number, or a list with the same number for every layer. */
  sameInteger(key: string): number {
    const value = this.raw(key);
    if (!Array.isArray(value)) return this.integer(key);
    const [first, ...others] = this.integers(key);
    if (first === undefined || first <= 0) throw this.bad(key, value, 'a list of positive whole numbers');
    if (others.some((other) => other !== first))
      throw this.unsupported(`"${key}" is ${JSON.stringify(value)}; only the same number in every layer is supported`);
    return first;
  }

  /** Keys read so far that determine a length, each with its value, to explain why a tensor should have it. */
  keysOf(length: number): readonly string[] {
    return [...this.#lengths].flatMap(([key, value]) => (value === length ? [`${key} ${value}`] : []));
  }

  /** A non-negative integer; 0 if missing. */
  count(key: string, most: number = MAX_SIZE): number {
    const value = this.raw(key);
    return value === null || value === 0 ? 0 : this.integer(key, most);
  }

  optionalNumber(key: string): number | null {
    return this.raw(key) === null ? null : this.number(key);
  }

  optionalInteger(key: string): number | null {
    return this.raw(key) === null ? null : this.integer(key);
  }

  /** The number of one layer, where the config has a list of them; 0 where it has none, or says null. */
  numberOf(key: string, layer: number): number {
    const value = this.raw(key);
    if (value === null) return 0;
    const ofLayer: unknown = Array.isArray(value) ? value[layer] : undefined;
    if (ofLayer === null) return 0;
    if (typeof ofLayer !== 'number' || !Number.isFinite(ofLayer) || ofLayer < 0)
      throw this.bad(key, value, 'a list of numbers for all layers');
    return ofLayer;
  }

  negative(key: string): number {
    const value = this.raw(key);
    if (typeof value !== 'number' || !Number.isFinite(value) || value >= 0)
      throw this.bad(key, value, 'a negative number');
    return value;
  }

  /** A lower and an upper limit; transformers writes infinity as an object. */
  limits(key: string): readonly [number, number] {
    const value = this.raw(key);
    const [lower, upper]: readonly unknown[] = Array.isArray(value) ? value.map(fromInfinity) : [];
    if (typeof lower !== 'number' || typeof upper !== 'number' || !(lower >= 0) || !(upper > lower))
      throw this.bad(key, value, 'two numbers, the second one larger');
    return [lower, upper];
  }

  /** Null is false, as in Python, also where a missing key means true. */
  flag(flag: Flag): boolean {
    if (typeof flag === 'boolean') return flag;
    const stated = [flag, this.#aliases[flag] ?? flag].map((key) => this.#config[key]);
    const isNull = stated.includes(null) && stated.every((each) => (each ?? null) === null);
    const value = this.raw(flag);
    if (isNull) return false;
    if (typeof value !== 'boolean') throw this.bad(flag, value, 'true or false');
    return value;
  }

  integers(key: string): readonly number[] {
    const value = this.raw(key) ?? [];
    if (!Array.isArray(value) || !value.every((each): each is number => Number.isInteger(each)))
      throw this.bad(key, value, 'a list of whole numbers');
    return value;
  }

  strings(key: string): readonly string[] | null {
    const value = this.raw(key);
    if (value === null) return null;
    if (!Array.isArray(value) || !value.every((each): each is string => typeof each === 'string'))
      throw this.bad(key, value, 'a list of words');
    return value;
  }

  object(key: string, defaults: Config = {}, aliases: Readonly<Record<string, string>> = {}): ConfigReader | null {
    const value = this.raw(key);
    if (value === null) return null;
    if (typeof value !== 'object' || Array.isArray(value)) throw this.bad(key, value, 'an object');
    return new ConfigReader({ ...value }, `${this.location}, "${key}"`, defaults, aliases);
  }

  /** Requires a value, or every entry of a list, to be one of `values`. */
  requireOneOf(key: string, values: readonly unknown[]): void {
    const value = this.raw(key);
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
    if (value === null || (isEmpty && !Array.isArray(value))) return;
    if (!isEmpty && [value].flat().every((each) => values.includes(each))) return;
    throw this.unsupported(
      `"${key}" is ${JSON.stringify(value)}; only ` +
        `${values.map((allowed) => JSON.stringify(allowed)).join(', ')} is supported here`,
    );
  }

  /** A number, or every number of a list, must be that of the other key. */
  requireEqual(key: string, other: string): void {
    const [value, wanted] = [this.raw(key), this.raw(other)];
    if (value === null || [value].flat().every((each) => each === wanted)) return;
    throw this.unsupported(
      `"${key}" is ${JSON.stringify(value)} where "${other}" is ${JSON.stringify(wanted)}; ` +
        'only the same is supported here',
    );
  }

  /** A number must be the sum of those of the other keys. */
  requireSum(key: string, parts: readonly string[]): void {
    const value = this.raw(key);
    const sum = parts.reduce((total, part) => total + this.number(part), 0);
    if (value === null || value === sum) return;
    throw this.unsupported(
      `"${key}" is ${JSON.stringify(value)} where ${parts.join(' + ')} is ${sum}; only the same is supported here`,
    );
  }

  unsupported(what: string): Error {
    return refuse('unsupported-config', `${this.location}: ${what}.`, 'Use a checkpoint without this feature.');
  }

  inconsistent(what: string): Error {
    return refuse('bad-config', `${this.location}: ${what}.`, "Repair config.json from the model's source.");
  }

  bad(key: string, value: unknown, wanted: string): Error {
    return this.inconsistent(
      `"${key}" is ${value === null || value === undefined ? 'missing' : JSON.stringify(value)}, not ${wanted}`,
    );
  }
}

const fromInfinity = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && '__float__' in value && value.__float__ === 'Infinity'
    ? Infinity
    : value;
