/** A Python float: 1.0 is not 1 in text. */
export class Decimal {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** What no text can be made of here (a date, bytes, an integer beyond 2^53): a row may hold it, a template may not read it. */
export class Opaque {
  readonly what: string;
  constructor(what: string) {
    this.what = what;
  }
}

export type PythonList = readonly PythonValue[];
/** A dict; only keys that are text are known here. */
export type PythonDict = ReadonlyMap<string, PythonValue>;
/** A value as lm-evaluation-harness's templates see it. Numbers are Python ints within +-(2^53 - 1). */
export type PythonValue = string | number | boolean | null | Decimal | Opaque | PythonList | PythonDict;

export const isList = (value: PythonValue): value is PythonList => Array.isArray(value);
export const isDict = (value: PythonValue): value is PythonDict => value instanceof Map;

const numberValue = (value: number): PythonValue => {
  if (Number.isSafeInteger(value)) return value;
  if (Number.isInteger(value) || !Number.isFinite(value)) return new Opaque(`the number ${String(value)}`);
  return new Decimal(value);
};

/** What a JSON or Parquet reader gave, as Python's readers would give it: missing is None, bigints are ints. */
export const pythonValue = (value: unknown): PythonValue => {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return numberValue(value);
  if (typeof value === 'bigint') return numberValue(Number(value));
  if (value instanceof Decimal || value instanceof Opaque) return value;
  if (Array.isArray(value)) return value.map((member: unknown) => pythonValue(member));
  if (value instanceof Date) return new Opaque('a date');
  if (ArrayBuffer.isView(value)) return new Opaque('bytes');
  if (typeof value === 'object') return new Map(Object.entries(value).map(([key, member]: [string, unknown]) => [key, pythonValue(member)]));
  return new Opaque(typeof value);
};

/** Every number of a value made a float: what Arrow does to a column that holds one. */
export const withDecimals = (value: PythonValue): PythonValue => {
  if (typeof value === 'number') return new Decimal(value);
  if (isList(value)) return value.map(withDecimals);
  if (isDict(value)) return new Map([...value].map(([key, member]) => [key, withDecimals(member)]));
  return value;
};
