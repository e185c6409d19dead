import { isRepositoryId, repositoryId } from './hub.ts';
import { z } from 'zod';
import { boundedText } from './bounds.ts';
import { profilePurpose } from './profile.ts';
import { besideSettings } from './beside.ts';
import { damageSettings } from './damage.ts';
import { describedExperimentSettings, experimentSettings } from './experiment.ts';
import { compressedType, exportFormat, ggufType, PLAN_FILE, predictionChoice } from './export.ts';
import { finetuneSettings } from './finetune.ts';
import { describedFitSettings, recordedFitSettings } from './fit.ts';
import { withoutDefaultOptimiser } from './optimiser.ts';
import type { MethodOptions } from './plan.ts';
import type { RecordedModel, RunState } from './recorded.ts';
import type { RunDevice } from './device.ts';
import { changedSettings } from './setting.ts';
import { describedSweepSettings, recordedCandidates, sweepSettings } from './sweep.ts';

/** What a manifest says of a run's work. */
export interface RecordedWork {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly models: readonly RecordedModel[];
  readonly tasks: readonly { readonly name: string; readonly path: string }[];
  readonly state: RunState;
  readonly device: RunDevice;
}

/**
 * A run may have been made by somebody else: a path that a command line would read as an option, or a character that a
 * terminal obeys when it is pasted.
 */
export const isUnsafe = (word: string): boolean => word.startsWith('-') || /[\p{Cc}\p{Bidi_Control}]/u.test(word);

/** A name that anybody may give, and that some shell might run in spite of its quotes. */
const isUnsafeName = (name: string): boolean => isUnsafe(name) || /[$`|&;<>]/.test(name);

/** A model of the Hub by its name and commit, any other subject by its path; bundled ones by their names. */
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
export type Part = string | readonly [flag: string, ...values: readonly string[]];

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

/**
 * Engine, precision and device that computed a run, where they are not the default ones. Without the Python: a command
 * that is pasted starts no program that somebody else's run names, but the user's own environment.
 */
export const engineParts = ({ device: { engine, precision, provider } }: RecordedWork): readonly Part[] => [
  ...given('engine', engine?.name),
  // In PyTorch the default depends on model and device.
  ...given('precision', engine === undefined && precision === 'float32' ? null : precision),
  ...given('device', provider === 'cpu' ? null : provider),
];

export const sweepParts = ({ spec, models, tasks }: RecordedWork): readonly Part[] | null => {
  const read = sweepSettings.safeParse(spec);
  const beside = recordedCandidates.safeParse(spec);
  if (!read.success || !beside.success) return null;
  const settings = read.data;
  const { candidates } = beside.data;
  const { methods, files = {}, factors, options, recovery, refits, chat, chatArgs = {}, thinkEnd, first } = settings;
  const names = [...Object.values(files), ...candidates].map(({ name }) => name);
  if (names.some(isUnsafeName) || candidates.map(subject).some(isUnsafe)) return null;
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
    ...option(
      'chat-arg',
      Object.entries(chatArgs).map(([name, value]) => `${name}=${String(value)}`),
    ),
    ...given('think-end', thinkEnd === '' ? 'none' : thinkEnd),
    ...given('first', first?.task),
    ...option(
      'candidate',
      candidates.map((candidate) => `${candidate.name}=${subject(candidate)}`),
    ),
  ];
};

/** A profile of the command line is a file; it measures everything where the window measures more than routing. */
export const profileParts = ({ spec, models, tasks }: RecordedWork): readonly Part[] | null => {
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

export const damageParts = ({ spec, models, tasks }: RecordedWork): readonly Part[] | null => {
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

export const finetuneParts = ({ spec, models, tasks }: RecordedWork): readonly Part[] | null => {
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

const recordedExperiment = recordedMixture.extend({ settings: experimentSettings });

export const experimentParts = ({ spec, models, tasks }: RecordedWork): readonly Part[] | null => {
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

/** Spec of a recorded export, beside its plan. */
export const recordedExport = z.object({
  destination: boundedText,
  format: exportFormat,
  ggufType: ggufType.optional(),
  hfType: compressedType.optional(),
  mtp: predictionChoice.optional(),
  /** Whether transformers is asked about the folder before it gets its name. */
  referee: z.boolean().optional(),
});

/** Once it is written, an export holds its plan. */
export const exportParts = ({ spec, models, state }: RecordedWork): readonly Part[] | null => {
  const read = recordedExport.safeParse(spec);
  if (!read.success || state !== 'done') return null;
  const { destination, format, ggufType: type, hfType, mtp, referee } = read.data;
  return [
    ...models.map(subject),
    ['plan', `${destination}/${PLAN_FILE}`],
    ['out', `${destination}-again`],
    ...given('format', format === 'hf' ? null : format),
    ...given('gguf-type', type),
    ...given('hf-type', hfType),
    ...given('mtp', mtp),
    ...(referee === true ? ([['referee']] as const) : []),
  ];
};

const recordedVerification = z.object({ exported: boundedText });

export const verifyParts = ({ spec, models }: RecordedWork): readonly Part[] | null => {
  const read = recordedVerification.safeParse(spec);
  if (!read.success) return null;
  const { exported } = read.data;
  return [exported, ...option('against', models.map(subject)), ['plan', `${exported}/${PLAN_FILE}`]];
};

export const fitParts = ({ spec, models, tasks }: RecordedWork): readonly Part[] | null => {
  const read = recordedFitSettings.safeParse(spec);
  if (!read.success) return null;
  const { limit, chat, canaries, ...settings } = read.data;
  return [
    ...models.map(subject),
    ...option('task', tasks.slice(0, 1).map(subject)),
    ...option('elsewhere', tasks.slice(1).map(subject)),
    [limit.kind, String(limit.bytes)],
    ...given('context', limit.kind === 'memory' ? limit.context : null),
    ...changed(describedFitSettings, settings),
    // Own lines are named by their file only, since a manifest holds their text.
    ...given('canaries', canaries === undefined ? null : canaries.source === 'own' ? canaries.name : canaries.source),
    ...flagged('chat', chat),
  ];
};

/** Its plans are named by their names only, since a manifest holds their text. */
export const besideParts = ({ spec, models }: RecordedWork): readonly Part[] | null => {
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

export const downloadParts = ({ spec }: RecordedWork): readonly Part[] | null => {
  const read = downloaded.safeParse(spec);
  return read.success ? [read.data.name] : null;
};

/** Spec of a recorded upload. */
export const recordedPush = z.object({
  exported: boundedText,
  repository: repositoryId,
  isPrivate: z.boolean(),
  intoExisting: z.boolean(),
  withoutNumbers: z.boolean(),
});

export const pushParts = ({ spec }: RecordedWork): readonly Part[] | null => {
  const read = recordedPush.safeParse(spec);
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

/** The run that a reproduction repeats, as its spec or that of a repeated experiment names it. */
const reproduced = z.union([
  z.object({ of: boundedText }).transform(({ of }) => of),
  z.object({ reproduces: boundedText }).transform(({ reproduces }) => reproduces),
]);

export const reproduceParts = ({ spec }: RecordedWork): readonly Part[] | null => {
  const read = reproduced.safeParse(spec);
  return read.success ? [read.data] : null;
};
