import type { DifferingSetting } from '../../contract/compare.ts';
import { shortHash } from '../../contract/model.ts';
import type { RunManifest } from '../../contract/run.ts';
import { sweepSettings } from '../../contract/sweep.ts';

type RecordedSweep = Pick<RunManifest, 'spec' | 'models' | 'tasks' | 'device' | 'versions'>;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string =>
  Array.isArray(value)
    ? value.map(textOf).join(', ')
    : typeof value === 'string'
      ? value
      : value === undefined || value === null
        ? '\u2013'
        : JSON.stringify(value);

/** Nested settings under one key each: `options.reap.renormalise`. */
const flattened = (value: unknown, key: string): readonly (readonly [key: string, text: string])[] =>
  isRecord(value)
    ? Object.entries(value).flatMap(([name, inner]) => flattened(inner, key === '' ? name : `${key}.${name}`))
    : [[key, textOf(value)]];

/** Identifies methods that are files by name and length: their texts are plans or rankings of any size. */
const filesOf = (files: Readonly<Record<string, { readonly name: string; readonly text: string }>>) =>
  Object.entries(files).map(
    ([method, { name, text }]) => [`files.${method}`, `${name}, ${text.length} characters`] as const,
  );

/** Every setting in a sweep's manifest, by key. */
const settingsOf = ({ spec, models, tasks, device, versions }: RecordedSweep): ReadonlyMap<string, string> => {
  const parsed = sweepSettings.safeParse(spec);
  const { files: _files, ...settings }: Readonly<Record<string, unknown>> = parsed.success ? parsed.data : spec;
  return new Map([
    ['models', models.map(({ name }) => name).join(', ')],
    ...models.map(({ name, fingerprint }) => [`weights of ${name}`, shortHash(fingerprint)] as const),
    ...models.flatMap(({ name, sha256 }) =>
      sha256 === undefined ? [] : [[`files of ${name}`, shortHash(sha256)] as const],
    ),
    ['tasks', tasks.map(({ name }) => name).join(', ')],
    ...tasks.map(({ name, hash }) => [`items of ${name}`, shortHash(hash)] as const),
    ...flattened(settings, ''),
    ...filesOf(parsed.success ? (parsed.data.files ?? {}) : {}),
    ['engine', device.engine === undefined ? 'onnxruntime' : 'PyTorch'],
    ['device', [device.provider, device.name ?? '', device.precision].filter((part) => part !== '').join(', ')],
    ['threads', String(device.threads)],
    ...Object.entries(versions).map(([name, version]) => [`version of ${name}`, version] as const),
  ]);
};

export interface SettingsDifference {
  readonly differing: readonly DifferingSetting[];
  readonly same: number;
}

/** Whether a key describes a model or a task that only some of the sweeps have, which `models` and `tasks` say. */
const isOfSome = (key: string, values: readonly (string | undefined)[]): boolean =>
  /^(?:weights|items) of /u.test(key) && values.includes(undefined);

/**
 * Settings that differ between sweeps, in the order of recording; a dash: not set there. Models and tasks that not all
 * have are compared where they are present.
 */
export const settingsDifference = (sweeps: readonly RecordedSweep[]): SettingsDifference => {
  const each = sweeps.map(settingsOf);
  const keys = [...new Set(each.flatMap((settings) => [...settings.keys()]))];
  const all = keys
    .map((key) => ({ key, found: each.map((settings) => settings.get(key)) }))
    .filter(({ key, found }) => !isOfSome(key, found) || new Set(found.filter((text) => text !== undefined)).size > 1)
    .map(({ key, found }) => ({ key, values: found.map((text) => text ?? '\u2013') }));
  const differing = all.filter(({ values }) => new Set(values).size > 1);
  return { differing, same: all.length - differing.length };
};
