/**
 * Compares two documents of one form by walking both, so that a new field is compared without being listed anywhere.
 */

/** How much two values of a field may differ. */
export type Allowance =
  | { readonly kind: 'none' }
  /** Numbers that differ by at most `absolute`, plus `share` of the larger, are equal up to rounding. */
  | { readonly kind: 'rounding'; readonly absolute?: number; readonly share?: number }
  /** Not compared, for a reason that is reported with it. */
  | { readonly kind: 'any'; readonly reason: string };

/**
 * Allowed difference of a field; `holders` are the objects of the first document that contain the value, innermost
 * first.
 */
export type AllowanceOf = (field: string, holders: readonly unknown[]) => Allowance;

export interface FieldDifference {
  /** Path of the field without the names of its lists' entries: `results.low`. */
  readonly field: string;
  /** The same with them: `results[uncurl-8 add reap factor 2].low`. */
  readonly where: string;
  /** Undefined where that document has no such field or entry. */
  readonly before: unknown;
  readonly after: unknown;
  readonly kind: 'changed' | 'rounding' | 'any';
  /** Why the values may differ, where any difference is allowed. */
  readonly reason: string | null;
  /** For numbers: their absolute difference. */
  readonly distance: number | null;
}

/** Called once per difference: a document from elsewhere may differ everywhere. */
export type TellDifference = (difference: FieldDifference) => void;

/** A list keyed by the names of its entries, to compare both documents by name. A repeated name gets a number. */
export const namedEntries = <T>(list: readonly T[], nameOf: (entry: T) => string): ReadonlyMap<string, T> => {
  const entries = new Map<string, T>();
  const copies = new Map<string, number>();
  for (const entry of list) {
    const name = nameOf(entry);
    const copy = (copies.get(name) ?? 0) + 1;
    copies.set(name, copy);
    entries.set(copy === 1 ? name : `${name} (${copy})`, entry);
  }
  return entries;
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);

const joined = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

type Pair = readonly [before: unknown, after: unknown];
type Path = readonly [field: string, where: string];

/** Whether two numbers are equal up to the allowed rounding. */
const isRounded = (before: unknown, after: unknown, allowance: Allowance): boolean => {
  if (typeof before !== 'number' || typeof after !== 'number' || allowance.kind !== 'rounding') return false;
  const { absolute = 0, share = 0 } = allowance;
  return Math.abs(before - after) <= absolute + share * Math.max(Math.abs(before), Math.abs(after));
};

/** Reports every field in which `after` differs from `before`, and every one that is not compared: plain JSON values, lists with names as Maps. */
export const compareFields = (allowanceOf: AllowanceOf, whole: unknown, other: unknown, tell: TellDifference): void => {
  const compareLeaves = ([field, where]: Path, [before, after]: Pair, holders: readonly unknown[]): void => {
    const distance = typeof before === 'number' && typeof after === 'number' ? Math.abs(before - after) : null;
    const allowance = allowanceOf(field, holders);
    // JSON does not distinguish 0 from -0. A field that is not compared is told even if it is the same.
    if (allowance.kind !== 'any' && (before === after || Object.is(before, after))) return;
    const kind = allowance.kind === 'any' ? 'any' : isRounded(before, after, allowance) ? 'rounding' : 'changed';
    const reason = allowance.kind === 'any' ? allowance.reason : null;
    tell({ field, where, before, after, kind, reason, distance });
  };
  const walk = ([field, where]: Path, [before, after]: Pair, holders: readonly unknown[]): void => {
    if (before instanceof Map && after instanceof Map) {
      for (const name of new Set<unknown>([...before.keys(), ...after.keys()]))
        walk([field, `${where}[${String(name)}]`], [before.get(name), after.get(name)], holders);
    } else if (Array.isArray(before) && Array.isArray(after)) {
      for (let index = 0; index < Math.max(before.length, after.length); index += 1)
        walk([field, `${where}[${index}]`], [before[index], after[index]], holders);
    } else if (isObject(before) && isObject(after)) {
      for (const name of new Set([...Object.keys(before), ...Object.keys(after)]))
        walk([joined(field, name), joined(where, name)], [before[name], after[name]], [before, ...holders]);
    } else compareLeaves([field, where], [before, after], holders);
  };
  walk(['', ''], [whole, other], []);
};
