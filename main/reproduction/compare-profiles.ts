import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { at } from '../contract/errors.ts';
import type { ReroutedChoices } from '../contract/reproduction.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { isProfileName, type ProfileFile, readProfileFile } from '../workspace/profile-file.ts';
import { type FieldLedger, ROUNDING } from './field-ledger.ts';

const FOLDER = 'names the folder of the model';

const SAMPLE = 'versions keep samples of tokens of other sizes, or none; all sums are over every token';

type Numbers = Float64Array | Float32Array | Int32Array;
const isNumbers = (value: unknown): value is Numbers =>
  value instanceof Float64Array || value instanceof Float32Array || value instanceof Int32Array;

/** Sums may differ by rounding, relative to the largest; recorded choices may differ in a small share. */
const compareNumbers = (
  ledger: FieldLedger,
  [file, field]: readonly [file: string, field: string],
  was: Numbers,
  is: Numbers,
  isExplained: boolean,
): void => {
  if (was.length !== is.length) {
    ledger.changed(file, field, field, was.length, is.length);
    return;
  }
  let [largest, apart, farthest, at] = [0, 0, 0, -1];
  was.forEach((value, index) => {
    largest = Math.max(largest, Math.abs(value));
    const distance = Math.abs(value - (is[index] ?? Number.NaN));
    if (distance === 0) return;
    apart += 1;
    if (!(distance <= farthest)) [farthest, at] = [distance, index];
  });
  if (apart === 0) return;
  const isRounding =
    was instanceof Int32Array ? apart <= ROUNDING.score * was.length : farthest <= ROUNDING.sums * largest;
  if (isRounding) ledger.rounded(file, field, farthest, apart);
  else ledger.changed(file, field, `${field}[${at}]`, was[at], is[at], isExplained);
};

/** Splits a profile into its numbers by name and everything else. */
const partsOf = (value: unknown, path: string, numbers: Map<string, Numbers>): unknown => {
  if (isNumbers(value)) {
    numbers.set(path, value);
    return value.length;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((entry, index) => partsOf(entry, `${path}[${index}]`, numbers));
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, partsOf(part, path === '' ? name : `${path}.${name}`, numbers)]),
  );
};

/** Routed choices that the second profile counts for other experts; null if there are none. */
const reroutedOf = (
  model: string,
  task: string,
  was: RoutingStatistics,
  is: RoutingStatistics | undefined,
): ReroutedChoices | null => {
  const { layers, experts, counts } = was;
  if (is?.counts.length !== counts.length) return null;
  const differences = counts.map((count, index) => at(is.counts, index) - count);
  const first = differences.findIndex((difference) => difference !== 0);
  if (first === -1) return null;
  const layer = Math.floor(first / experts);
  const ofLayer = Array.from(differences.subarray(layer * experts, (layer + 1) * experts));
  const expertsWhere = (holds: (difference: number) => boolean): number[] =>
    ofLayer.flatMap((difference, expert) => (holds(difference) ? [expert] : []));
  return {
    model,
    task,
    choices: differences.reduce((sum, difference) => sum + Math.abs(difference), 0) / 2,
    of: counts.reduce((sum, count) => sum + count, 0),
    layer,
    layers,
    from: expertsWhere((difference) => difference < 0),
    to: expertsWhere((difference) => difference > 0),
    nearest: null,
  };
};

const reroutedIn = (before: ProfileFile, after: ProfileFile): readonly ReroutedChoices[] =>
  before.tasks.flatMap(({ name, statistics }) => {
    const again = after.tasks.find((task) => task.name === name);
    return reroutedOf(before.model, name, statistics, again?.statistics) ?? [];
  });

const sampleSizeIn = ({ tasks }: ProfileFile, name: string): number | undefined =>
  tasks.find((task) => task.name === name)?.statistics.sample?.size;

/** A profile without its samples of tokens that have another size in the other one; null if it has none of these. */
const withoutOtherSamples = (profile: ProfileFile, other: ProfileFile): ProfileFile | null => {
  const isOther = (name: string): boolean => sampleSizeIn(profile, name) !== sampleSizeIn(other, name);
  if (!profile.tasks.some(({ name }) => isOther(name))) return null;
  const tasks = profile.tasks.map((task) => {
    if (!isOther(task.name)) return task;
    const { sample: _sample, ...statistics } = task.statistics;
    return { ...task, statistics };
  });
  return { ...profile, tasks };
};

/** Compares the profiles of both runs; returns the routed choices that differ, by model and task. */
export const compareProfiles = async (
  ledger: FieldLedger,
  first: string,
  second: string,
): Promise<readonly ReroutedChoices[]> => {
  const [there, here] = await Promise.all(
    [first, second].map(async (folder) => (await readdir(folder)).filter(isProfileName)),
  );
  const rerouted: ReroutedChoices[] = [];
  for (const name of new Set([...(there ?? []), ...(here ?? [])])) {
    if (there?.includes(name) !== true || here?.includes(name) !== true) {
      ledger.changed(name, 'file', name, there?.includes(name), here?.includes(name));
      continue;
    }
    ledger.read(name);
    const read = [await readProfileFile(join(first, name)), await readProfileFile(join(second, name))] as const;
    const [was, is] = [
      withoutOtherSamples(read[0], read[1]) ?? read[0],
      withoutOtherSamples(read[1], read[0]) ?? read[1],
    ];
    if (was !== read[0] || is !== read[1]) ledger.allowed(name, 'tasks.statistics.sample', SAMPLE);
    const reroutedTokens = reroutedIn(was, is);
    for (const choices of reroutedTokens) rerouted.push(choices);
    const [before, after] = [new Map<string, Numbers>(), new Map<string, Numbers>()];
    ledger.compare(
      name,
      (field) => (field === 'model' ? { kind: 'any', reason: FOLDER } : { kind: 'none' }),
      partsOf(was, '', before),
      partsOf(is, '', after),
    );
    const paths = was.tasks.flatMap(({ name: task }, index) =>
      reroutedTokens.some((entry) => entry.task === task) ? [`tasks[${index}].`] : [],
    );
    for (const [field, values] of before) {
      const again = after.get(field);
      const isExplained = paths.some((path) => field.startsWith(path));
      if (again !== undefined) compareNumbers(ledger, [name, field], values, again, isExplained);
    }
  }
  return rerouted;
};
