import { isRepositoryId } from '../contract/hub.ts';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { profilePurpose } from '../contract/calls.ts';
import { besideSettings } from '../contract/beside.ts';
import { damageSettings } from '../contract/damage.ts';
import { assertNever } from '../contract/errors.ts';
import { describedExperimentSettings, recordedExperimentSettings } from '../contract/experiment.ts';
import { compressedType, exportFormat, ggufType, PLAN_FILE, predictionChoice } from '../contract/export.ts';
import { finetuneSettings } from '../contract/finetune.ts';
import { withoutDefaultOptimiser } from '../contract/optimiser.ts';
import type { MethodOptions } from '../contract/plan.ts';
import { type RunKind, type RunManifest, storedManifest } from '../contract/run.ts';
import { changedSettings } from '../contract/setting.ts';
import { describedSweepSettings, recordedCandidates, recordedSweepSettings } from '../contract/sweep.ts';

/** Quotes a word that a shell would split. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * A run may have been made by somebody else: a path that a command line would read as an option, or a character that a
 * terminal obeys when it is pasted.
 */
const isUnsafe = (word: string): boolean => word.startsWith('-') || /\p{Cc}/u.test(word);

/** A recorded path as the command line takes it: bundled models and tasks by their names. */
/** A model of the Hub by its name and commit, any other subject by its path. */
const subject = ({
  path,
  name,
  commit,
}: {
  readonly path: string;
  readonly name?: string | undefined;
  readonly commit?: string | undefined;
}): string =>
  commit !== undefined && name !== undefined && isRepositoryId(name)
    ? `${name}@${commit}`
    : path.replace(/^bundled:/, '');

/** A positional argument, or an option with its values. */
type Part = string | readonly [flag: string, ...values: readonly string[]];

const option = (flag: string, values: readonly string[]): readonly Part[] =>
  values.length === 0 ? [] : [[flag, ...values]];

/** An option with one value; none where the value is missing. */
const given = (flag: string, value: string | number | null | undefined): readonly Part[] =>
  value === null || value === undefined ? [] : [[flag, String(value)]];

const flagged = (flag: string, isSet: boolean | undefined): readonly Part[] => (isSet === true ? [[flag]] : []);

/** The settings of a schema that are not at their defaults. */
const changed = (schema: z.ZodObject, values: Readonly<Record<string, unknown>>): readonly Part[] =>
  changedSettings(schema, values).flatMap(({ setting: { flag, kind }, value }): readonly Part[] => {
    if (flag === undefined) return [];
    return [kind === 'switch' ? [flag] : [flag, String(value)]];
  });

const optionsByMethod = (options: Readonly<Record<string, MethodOptions>>): readonly Part[] =>
  option(
    'option',
    Object.entries(options).flatMap(([method, own]) =>
      Object.entries(withoutDefaultOptimiser(own)).map(([key, value]) => `${method}.${key}=${String(value)}`),
    ),
  );

/** Kinds of runs that an engine computes on a device; all others are computed by onnxruntime on the processor. */
const ON_DEVICE: ReadonlySet<RunKind> = new Set(['sweep', 'profile', 'damage', 'experiment', 'reproduce', 'beside']);

/**
 * Engine, precision and device that computed a run, where they are not the default ones. Without the Python: a command
 * that is pasted starts no program that somebody else's run names, but the user's own environment.
 */
const engineParts = ({ kind, device: { engine, precision, provider } }: RunManifest): readonly Part[] => {
  if (!ON_DEVICE.has(kind)) return [];
  return [
    ...given('engine', engine?.name),
    // In PyTorch the default depends on model and device.
    ...given('precision', engine === undefined && precision === 'float32' ? null : precision),
    ...given('device', provider === 'cpu' ? null : provider),
  ];
};

const sweepParts = ({ spec, models, tasks }: RunManifest): readonly Part[] | null => {
  const read = recordedSweepSettings.safeParse(spec);
  const beside = recordedCandidates.safeParse(spec);
  if (!read.success || !beside.success) return null;
  const settings = read.data;
  const { candidates } = beside.data;
  const { methods, files = {}, factors, options, recovery, refits, chat, first } = settings;
  const names = [...Object.values(files), ...candidates].map(({ name }) => name);
  if ([...names, ...candidates.map(subject)].some(isUnsafe)) return null;
  return [
    ...models.map(subject),
    ...option('task', tasks.map(subject)),
    ...option(
      'method',
      methods.map((method) => (files[method] === undefined ? method : `file:${method}=${files[method].name}`)),
    ),
    ['factors', factors.join(',')],
    ...optionsByMethod(options),
    ...given('recovery', recovery === 'none' ? null : [...(recovery === 'both' ? ['none'] : []), ...refits].join(',')),
    ...changed(describedSweepSettings, settings),
    ...flagged('chat', chat),
    ...given('first', first?.task),
    ...option(
      'candidate',
      candidates.map((candidate) => `${candidate.name}=${subject(candidate)}`),
    ),
  ];
};

/** A profile of the command line is a file; it measures everything where the window measures more than routing. */
const profileParts = ({ spec, models, tasks }: RunManifest): readonly Part[] | null => {
  const read = profilePurpose.safeParse(spec);
  if (!read.success) return null;
  const { methods, options, budget, protect, chat, inspect } = read.data;
  const isMore = inspect !== undefined || Object.keys(options).length > 0 || budget !== 'uniform' || protect !== 'none';
  return [
    ...models.map(subject),
    ...option('task', tasks.map(subject)),
    ...option('method', isMore ? ['all'] : methods),
    ...flagged('chat', chat),
    ['out', 'profile.safetensors'],
  ];
};

const damageParts = ({ spec, models, tasks }: RunManifest): readonly Part[] | null => {
  const read = damageSettings.safeParse(spec);
  if (!read.success) return null;
  const { layer, experts = [], chat } = read.data;
  return [
    ...[...models, ...tasks].map(subject),
    ['layer', String(layer)],
    ...option('expert', experts.map(String)),
    ...flagged('chat', chat),
  ];
};

/** Without the Python that trained, as without the one that computed. */
const recordedMixture = z.object({
  mixture: z.object({ file: boundedText.nullable() }).nullable().default(null),
});

const recordedFinetune = recordedMixture.extend({
  settings: finetuneSettings,
  destination: boundedText,
  teacher: z.object({ path: boundedText }).nullable().default(null),
});

const finetuneParts = ({ spec, models, tasks }: RunManifest): readonly Part[] | null => {
  const read = recordedFinetune.safeParse(spec);
  if (!read.success) return null;
  const { settings, destination, teacher, mixture } = read.data;
  return [
    ...models.map(subject),
    ...option('task', tasks.map(subject)),
    ['out', destination],
    ...changed(finetuneSettings, settings),
    ...given('teacher', teacher === null ? null : subject(teacher)),
    ...given('mixture', mixture?.file),
  ];
};

const recordedExperiment = recordedMixture.extend({ settings: recordedExperimentSettings });

const experimentParts = ({ spec, models, tasks }: RunManifest): readonly Part[] | null => {
  const read = recordedExperiment.safeParse(spec);
  if (!read.success) return null;
  const { settings, mixture } = read.data;
  return [
    ...models.map(subject),
    ...option('task', tasks.map(subject)),
    ...option('method', settings.methods),
    ...optionsByMethod(settings.options),
    ...changed(describedExperimentSettings, settings),
    ...changed(finetuneSettings, settings.training),
    ...given('mixture', mixture?.file),
  ];
};

const recordedExport = z.object({
  destination: boundedText,
  format: exportFormat,
  ggufType: ggufType.optional(),
  hfType: compressedType.optional(),
  mtp: predictionChoice.optional(),
});

/** Once it is written, an export holds its plan. */
const exportParts = ({ spec, models, state }: RunManifest): readonly Part[] | null => {
  const read = recordedExport.safeParse(spec);
  if (!read.success || state !== 'done') return null;
  const { destination, format, ggufType: type, hfType, mtp } = read.data;
  return [
    ...models.map(subject),
    ['plan', `${destination}/${PLAN_FILE}`],
    ['out', `${destination}-again`],
    ...given('format', format === 'hf' ? null : format),
    ...given('gguf-type', type),
    ...given('hf-type', hfType),
    ...given('mtp', mtp),
  ];
};

const recordedVerification = z.object({ exported: boundedText });

const verifyParts = ({ spec, models }: RunManifest): readonly Part[] | null => {
  const read = recordedVerification.safeParse(spec);
  if (!read.success) return null;
  const { exported } = read.data;
  return [exported, ...option('against', models.map(subject)), ['plan', `${exported}/${PLAN_FILE}`]];
};

/** Its plans are named by their names only, since a manifest holds their text. */
const besideParts = ({ spec, models }: RunManifest): readonly Part[] | null => {
  const read = besideSettings.safeParse(spec);
  if (!read.success) return null;
  const { prompt, plans, maxNewTokens, chat } = read.data;
  return [
    ...models.map(subject),
    prompt,
    ...option(
      'plan',
      plans.map(({ name }) => `${name}.json`),
    ),
    ['max-new-tokens', String(maxNewTokens)],
    ...flagged('chat', chat),
  ];
};

const downloaded = z.object({ name: boundedText });

const downloadParts = ({ spec }: RunManifest): readonly Part[] | null => {
  const read = downloaded.safeParse(spec);
  return read.success ? [read.data.name] : null;
};

const pushed = z.object({
  exported: boundedText,
  repository: boundedText,
  isPrivate: z.boolean(),
  intoExisting: z.boolean(),
  withoutNumbers: z.boolean(),
});

const pushParts = ({ spec }: RunManifest): readonly Part[] | null => {
  const read = pushed.safeParse(spec);
  if (!read.success) return null;
  const { exported, repository, isPrivate, intoExisting, withoutNumbers } = read.data;
  return [
    exported,
    repository,
    ...flagged('private', isPrivate),
    ...flagged('into-existing', intoExisting),
    ...flagged('without-numbers', withoutNumbers),
  ];
};

const reproduced = z.union([
  z.object({ of: boundedText }).transform(({ of }) => of),
  z.object({ reproduces: boundedText }).transform(({ reproduces }) => reproduces),
]);

/** The verb that makes a run, and its arguments. */
const verbOf = (manifest: RunManifest): readonly [verb: string, parts: readonly Part[] | null] => {
  const repeated = reproduced.safeParse(manifest.spec);
  switch (manifest.kind) {
    case 'sweep':
      return ['sweep', sweepParts(manifest)];
    case 'profile':
      return ['profile', profileParts(manifest)];
    case 'damage':
      return ['damage', damageParts(manifest)];
    case 'finetune':
      return ['finetune', finetuneParts(manifest)];
    case 'experiment':
      return repeated.success ? ['reproduce', [repeated.data]] : ['experiment', experimentParts(manifest)];
    case 'reproduce':
      return ['reproduce', repeated.success ? [repeated.data] : null];
    case 'export':
      return ['export', exportParts(manifest)];
    case 'verify':
      return ['verify', verifyParts(manifest)];
    case 'beside':
      return ['beside', besideParts(manifest)];
    case 'download':
      return ['download', downloadParts(manifest)];
    case 'push':
      return ['push', pushParts(manifest)];
    default:
      return assertNever(manifest.kind);
  }
};

/**
 * The command line that makes the same run, whatever started it; null for settings that cannot be read, and for paths
 * and prompts that cannot be pasted safely. A method from a file is named by the file's name only, since a manifest
 * holds its text.
 */
export const equivalentCommand = (manifest: RunManifest): string | null => {
  const [verb, own] = verbOf(manifest);
  const parts = own === null ? null : [...own, ...engineParts(manifest)];
  const values = (parts ?? []).flatMap((part) => (typeof part === 'string' ? [part] : part.slice(1)));
  if (parts === null || values.some(isUnsafe)) return null;
  const words = parts.flatMap((part) => (typeof part === 'string' ? [part] : [`--${part[0]}`, ...part.slice(1)]));
  return ['uncurl', verb, ...words].map(shellWord).join(' ');
};

/** Settings above this size (a plan with its weights) are not repeated in every figure. */
const MOST_SHOWN = 200_000;

/**
 * A manifest as reports and figures contain it: its command is made from its settings, and empty where there is none.
 * The command in its file may be anybody's text, which somebody might paste.
 */
export const shownManifest = (manifest: RunManifest): RunManifest => {
  const { spec, ...stored } = storedManifest(manifest);
  const characters = JSON.stringify(spec).length;
  return {
    ...stored,
    spec:
      characters <= MOST_SHOWN ? spec : { omitted: `${String(characters)} characters; see the run's manifest.json` },
    commandLine: equivalentCommand(manifest) ?? '',
  };
};
