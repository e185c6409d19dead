import type { PythonValue } from '../python/python-value.ts';

/** Names that an expression can see: its loop's, its template's, then the row's columns. Nothing else exists. */
export class Scope {
  readonly #names = new Map<string, PythonValue>();
  readonly #parent: Scope | ReadonlyMap<string, PythonValue>;

  constructor(parent: Scope | ReadonlyMap<string, PythonValue>) {
    this.#parent = parent;
  }

  get(name: string): PythonValue | undefined {
    const own = this.#names.get(name);
    return own === undefined ? this.#parent.get(name) : own;
  }

  set(name: string, value: PythonValue): void {
    this.#names.set(name, value);
  }
}
