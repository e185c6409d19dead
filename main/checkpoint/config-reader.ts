import { refuse } from '../contract/errors.ts';

export type Config = Readonly<Record<string, unknown>>;

/** Reads numbers from a config.json, refusing what is missing or of the wrong kind by key and value. */
export class ConfigReader {
  readonly #config: Config;
  readonly #place: string;
  readonly #defaults: Readonly<Record<string, number>>;

  constructor(config: Config, place: string, defaults: Readonly<Record<string, number>>) {
    this.#config = config;
    this.#place = place;
    this.#defaults = defaults;
  }

  /** First of `keys` that the config has. */
  presentKey(keys: readonly string[]): string | undefined {
    return keys.find((key) => this.#config[key] !== undefined && this.#config[key] !== null);
  }

  raw(key: string): unknown {
    return this.#config[key];
  }

  number(key: string): number {
    const value = this.#config[key] ?? this.#defaults[key];
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) throw this.#bad(key, value, 'a positive number');
    return value;
  }

  integer(key: string): number {
    const value = this.number(key);
    if (!Number.isInteger(value)) throw this.#bad(key, value, 'a whole number');
    return value;
  }

  optionalInteger(key: string): number | null {
    return this.#config[key] === undefined || this.#config[key] === null ? null : this.integer(key);
  }

  requireOneOf(key: string, values: readonly unknown[]): void {
    const value = this.#config[key];
    if (value === undefined || value === null || values.includes(value)) return;
    throw refuse(
      'unsupported-config',
      `${this.#place}: "${key}" is ${JSON.stringify(value)}; only ${values.map((allowed) => JSON.stringify(allowed)).join(', ')} is supported here.`,
      'Use a checkpoint without this feature.',
    );
  }

  /**
   * Rotary base and scaling, in either spelling: `rope_theta` + `rope_scaling`, or `rope_parameters`. Only the
   * unscaled kind is supported; a scaling is refused by name.
   */
  ropeTheta(): number {
    const parameters = this.#config['rope_parameters'] ?? this.#config['rope_scaling'];
    if (parameters === null || parameters === undefined) return this.number('rope_theta');
    if (typeof parameters !== 'object') throw this.#bad('rope_parameters', parameters, 'an object');
    const record: Config = { ...parameters };
    const type = record['rope_type'] ?? record['type'] ?? 'default';
    if (type !== 'default') {
      throw refuse('unsupported-config', `${this.#place}: rotary scaling "${String(type)}" is not supported for this family.`, 'Use a checkpoint without rotary scaling.');
    }
    const theta = record['rope_theta'];
    return typeof theta === 'number' ? theta : this.number('rope_theta');
  }

  #bad(key: string, value: unknown, wanted: string): Error {
    return refuse('bad-config', `${this.#place}: "${key}" is ${JSON.stringify(value) ?? 'missing'}, not ${wanted}.`, 'Repair config.json from the model\'s source.');
  }
}
