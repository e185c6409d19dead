import type { RunProvenance } from '../contract/provenance.ts';
import type { ComparedFields } from '../contract/reproduction.ts';
import { provenanceHeading } from '../words/provenance.ts';
import { type AllowanceOf, compareFields, type FieldDifference } from '../evaluation/field-differences.ts';
import { counted, listed } from '../words/numbers.ts';

/** Number of differences listed one by one; the rest are counted. */
const MOST_LISTED = 200;
/** Limit for the characters of a listed value. */
const MOST_CHARACTERS = 200;

const valueText = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  // JSON.stringify returns undefined for functions and symbols, contrary to its type.
  const text = (JSON.stringify(value) as string | undefined) ?? typeof value;
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}\u2026` : text;
};

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Rounded = Writable<ComparedFields['rounded'][number]>;
type Allowed = Writable<ComparedFields['allowed'][number]>;
type Changed = Writable<ComparedFields['changed'][number]>;

/** Indices of lists follow their list in brackets. */
const joined = (path: string, name: string): string =>
  path === '' || name === '' || name.startsWith('[') ? `${path}${name}` : `${path}.${name}`;

const keyOf = (file: string, field: string): string => JSON.stringify([file, field]);

/** Collects the findings of a comparison of two runs' files. */
export class FieldLedger {
  readonly #files: string[] = [];
  readonly #changed = new Map<string, Changed>();
  readonly #listed: Writable<ComparedFields['listed'][number]>[] = [];
  readonly #rounded = new Map<string, Rounded>();
  readonly #allowed = new Map<string, Allowed>();
  #unexplained = 0;

  /** Files that both runs have. */
  get files(): readonly string[] {
    return this.#files;
  }

  /** Records that both runs have this file. */
  read(file: string): void {
    this.#files.push(file);
  }

  /** `isExplained`: the difference follows from another one that is reported. */
  changed(file: string, field: string, where: string, before: unknown, after: unknown, isExplained = false): void {
    if (!isExplained) this.#unexplained += 1;
    const key = keyOf(file, field);
    const known = this.#changed.get(key);
    if (known === undefined) this.#changed.set(key, { file, field, count: 1 });
    else known.count += 1;
    if (this.#listed.length < MOST_LISTED)
      this.#listed.push({ file, where, before: valueText(before), after: valueText(after) });
  }

  rounded(file: string, field: string, distance: number, count = 1): void {
    const key = keyOf(file, field);
    const known = this.#rounded.get(key);
    if (known === undefined) this.#rounded.set(key, { file, field, count, largest: distance });
    else {
      known.count += count;
      known.largest = Math.max(known.largest, distance);
    }
  }

  allowed(file: string, field: string, reason: string): void {
    const key = keyOf(file, field);
    const known = this.#allowed.get(key);
    if (known === undefined) this.#allowed.set(key, { file, field, count: 1, reason });
    else known.count += 1;
  }

  /** Compares two documents field by field, or a part (`of`) of both under a name. */
  compare(
    file: string,
    allowanceOf: AllowanceOf,
    before: unknown,
    after: unknown,
    of: { readonly kind: string; readonly name: string; readonly isExplained?: boolean } = { kind: '', name: '' },
  ): void {
    const fieldOf = (path: string): string => joined(of.kind, path);
    const holder = of.name === '' ? of.kind : `${of.kind}[${of.name}]`;
    const tell = ({ field, where, kind, distance, before: was, after: is, reason }: FieldDifference): void => {
      if (kind === 'rounding') this.rounded(file, fieldOf(field), distance ?? 0);
      else if (kind === 'any') this.allowed(file, fieldOf(field), reason ?? '');
      else this.changed(file, fieldOf(field), joined(holder, where), was, is, of.isExplained);
    };
    compareFields((field, holders) => allowanceOf(fieldOf(field), holders), before, after, tell);
  }

  /** Number of changed fields that follow from no other difference. */
  get unexplained(): number {
    return this.#unexplained;
  }

  /** `edited`: files of the first run that were changed; `first`: its provenance. */
  found(edited: readonly string[], first?: RunProvenance): ComparedFields {
    return {
      files: [...this.#files],
      changed: [...this.#changed.values()],
      listed: [...this.#listed],
      rounded: [...this.#rounded.values()],
      allowed: [...this.#allowed.values()],
      edited: [...edited],
      ...(first === undefined ? {} : { first }),
    };
  }
}

const countOf = (fields: readonly { readonly count: number }[]): number =>
  fields.reduce((sum, { count }) => sum + count, 0);

/** "12 fields differ (results.difference 12)"; null if none does. */
export const changedFieldsWords = ({ changed }: ComparedFields): string | null => {
  const MOST_NAMED = 6;
  if (changed.length === 0) return null;
  const named = changed.slice(0, MOST_NAMED).map(({ field, count }) => `${field} ${count}`);
  const others = changed.length - named.length;
  return (
    `${counted(countOf(changed), 'field differs', 'fields differ')} ` +
    `(${[...named, ...(others > 0 ? [`${others} others`] : [])].join(', ')})`
  );
};

/** Fields, beside the scores of answers, that differ by rounding; null if none does. */
export const roundedFieldsWords = ({ rounded }: ComparedFields): string | null => {
  const others = rounded.filter(({ field }) => !/logprobs?$/.test(field));
  if (others.length === 0) return null;
  return `${counted(countOf(others), 'number that is', 'numbers that are')} computed from them in their last digits`;
};

/** "7 fields were not compared"; null if every field was. */
export const notComparedWords = ({ allowed }: ComparedFields): string | null =>
  allowed.length === 0
    ? null
    : `${counted(allowed.length, 'field was', 'fields were')} not compared; each is named with the reason`;

/** A section of a text, with indented lines; none without lines. */
export const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [[title, ...lines.map((line) => `  ${line}`)].join('\n')];

/** All findings, as sections of a text. */
export const fieldSections = ({
  changed,
  listed: list,
  rounded,
  allowed,
  edited,
  first,
}: ComparedFields): readonly string[] => {
  const left = countOf(changed) - list.length;
  const heading = provenanceHeading(first);
  return [
    ...section('The first run:', heading === null ? [] : [heading]),
    ...section(
      'Files of the first run that were changed after it had ended (their checksums differ):',
      edited.length === 0 ? [] : [listed(edited)],
    ),
    ...section('Fields that differ:', [
      ...list.map(({ file, where, before, after }) => `${file}  ${where}: ${before}, now ${after}`),
      ...(left > 0 ? [`and ${left} more`] : []),
    ]),
    ...section(
      'Fields that differ by rounding:',
      rounded.map(
        ({ file, field, count, largest }) => `${file}  ${field}: ${count}, at most ${largest.toPrecision(2)} apart`,
      ),
    ),
    ...section(
      'Fields that are not compared:',
      allowed.map(({ file, field, count, reason }) => `${file}  ${field} (${count}): ${reason}`),
    ),
  ];
};

/**
 * Bounds for rounding differences. A log-probability that two CPUs sum in another order differs by less than `score`
 * (so does a mean loss); values computed from them, perplexities and their intervals, by less than `derived` relative
 * to the perplexity; refits and sums of profiles by less than `sums` relative to the largest number of their kind.
 * Experts whose router logits are less than `logit` apart may be chosen in another order.
 * Everything else (accuracies, counts, p-values, thresholds) is a function of integers, equal up to its last digits.
 */
export const ROUNDING = { score: 1e-3, derived: 1e-6, sums: 1e-4, lastDigits: 1e-12, logit: 1e-5 } as const;

/** The same in words, for readers of a reproduction. */
export const ROUNDING_WORDS =
  'Numbers count as equal up to rounding if log-probabilities differ by less than 0.001, perplexities and their ' +
  'intervals by less than a millionth, and sums of profiles by less than a ten-thousandth of the largest; ' +
  'accuracies, counts, p-values and thresholds must be the same.';
