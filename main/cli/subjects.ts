import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { bundledModels, bundledTasks, pairedTasks } from '../workspace/library.ts';
import { parseHubName } from '../contract/hub.ts';
import { hubSettings } from '../hub/hub-settings.ts';
import { hubModelPath } from '../hub/resolve-model.ts';
import type { ModelHost } from './fetch-model.ts';
import { defaultWorkspace } from '../workspace/open-workspace.ts';
import { suggestion } from '../contract/nearest-name.ts';
import { runCodeText } from '../contract/run-origin.ts';
import {
  badValue,
  type OptionReader,
  repeatedOption,
  switchOption,
  valueOption,
  type VerbHost,
  type VerbOption,
} from './verb.ts';
import { createRunReader, type RunReader } from '../reading/run-reader.ts';
import { stateFolder } from '../workspace/user-key.ts';

const looksLikePath = (name: string): boolean => name.includes('/') || name.includes('\\') || name.startsWith('.');

/** The path that a name means, of a file or of what is bundled; null: neither. Refuses a path that does not exist. */
const pathNamed = (kind: string, named: string, bundled: ReadonlyMap<string, string>): string | null => {
  const path = resolve(named);
  if (existsSync(path)) return path;
  const known = bundled.get(named);
  if (known !== undefined) return known;
  if (looksLikePath(named)) throw refuse(`no-such-${kind}`, `${path} does not exist.`, 'Check the path.');
  return null;
};

const OF_HARNESS =
  ' A task of lm-evaluation-harness is found once this workspace has a Python that runs it: "uncurl doctor --python" ' +
  'makes one, "uncurl import NAME --python FILE" names your own.';

const unknownName = (kind: string, named: string, bundled: ReadonlyMap<string, string>, others = ''): Error => {
  const names = [...bundled.keys()];
  const hint = `${names.length === 0 ? `No ${kind}s are bundled.` : suggestion(named, names)}${others}`;
  return refuse(`no-such-${kind}`, `"${named}" is neither a path nor the name of a bundled ${kind}.`, hint);
};

const find = (kind: string, named: string, bundled: ReadonlyMap<string, string>): string => {
  const path = pathNamed(kind, named, bundled);
  if (path === null) throw unknownName(kind, named, bundled);
  return path;
};

/**
 * Path of a MODEL argument, looked for in this order: a path; a bundled name; a name on the Hub, in the Hugging Face
 * cache; the Hub itself, from which it is downloaded into the cache.
 */
export const findModel = async (host: ModelHost, named: string): Promise<string> => {
  const bundled = await bundledModels(host.resources);
  const name = existsSync(resolve(named)) || bundled.has(named) ? null : parseHubName(named);
  if (name === null) return find('model', named, bundled);
  // Loaded on use: a model on this machine need not wait for what downloads another one.
  return hubModelPath(name, hubSettings(host.environment), async (missing, why) => {
    const { fetchModel } = await import('./fetch-model.ts');
    return fetchModel(host)(missing, why);
  });
};

/** Finds tasks of lm-evaluation-harness by name (imported-tasks.ts): the folders of those that it finds. */
export type FindHarnessTasks = (names: readonly string[]) => Promise<ReadonlyMap<string, readonly string[]>>;

/**
 * Paths of T arguments: task folders and files, names of bundled tasks (also separated by commas), or `all` (those with
 * chosen and with written answers; the tasks of `wordy-16` fit no other bundled model); else what `harness` finds.
 */
export const findTasks = async (
  resources: string,
  named: readonly string[],
  harness: FindHarnessTasks,
): Promise<readonly string[]> => {
  const bundled = await bundledTasks(resources);
  const names = named.flatMap((name) => {
    if (name === 'all' && !existsSync(resolve(name))) return pairedTasks(bundled.keys());
    return name.includes(',') && !existsSync(resolve(name)) ? name.split(',').map((part) => part.trim()) : [name];
  });
  if (names.length === 0)
    throw refuse(
      'bad-usage',
      'No task is named.',
      'Give --task with a task folder, a task file (.jsonl, .parquet, .txt, .yaml), the name of a bundled task, or ' +
        'that of a task of lm-evaluation-harness.',
    );
  // The harness itself reads its task documents.
  const isYaml = (name: string): boolean => /\.ya?ml$/i.test(name) && existsSync(resolve(name));
  const paths = names.map((name) => (isYaml(name) ? null : pathNamed('task', name, bundled)));
  const foreignName = (name: string): string => (isYaml(name) ? resolve(name) : name);
  const foreign = names.filter((_, index) => paths[index] === null).map(foreignName);
  const found = foreign.length === 0 ? new Map<string, readonly string[]>() : await harness(foreign);
  const all = names.flatMap((name, index) => {
    const folders = paths[index] ?? found.get(foreignName(name)) ?? (isYaml(name) ? resolve(name) : undefined);
    if (folders === undefined) throw unknownName('task', name, bundled, OF_HARNESS);
    return folders;
  });
  return [...new Set(all)];
};

/** For verbs that take several tasks (`findTasks`). */
export const TASKS_OPTION: Readonly<Record<string, VerbOption>> = {
  task: repeatedOption(
    'T',
    'Task folder, task file, bundled name, or name of a task of lm-evaluation-harness (`uncurl help tasks`); may be ' +
      'repeated; "all": the nine bundled ones, chosen and written.',
  ),
};

export const WORKSPACE_OPTION: Readonly<Record<string, VerbOption>> = {
  workspace: valueOption('DIR', 'Folder of the runs (default: UNCURL_WORKSPACE, else the workspace of the window).'),
};

/** For runs that were made elsewhere (main/engine/approved-run.ts). */
export const CONFIRM_OPTION: Readonly<Record<string, VerbOption>> = {
  confirm: valueOption(
    'CODE',
    'For a run that was made elsewhere: confirms that you checked what it names. The refusal shows the code.',
  ),
};

/** The code that `--confirm` gives. */
export const confirmedCode = (reader: OptionReader): string | undefined => {
  const code = reader.text('confirm');
  if (code === undefined || runCodeText.safeParse(code).success) return code;
  throw badValue('confirm', code, 'the code of 32 characters from the refusal');
};

export const workspaceOf = (reader: OptionReader, host: Pick<VerbHost, 'environment'>): string => {
  const named = reader.text('workspace');
  return named === undefined ? defaultWorkspace(host.environment) : resolve(named);
};

interface NamedRun {
  readonly workspace: string;
  readonly run: string;
}

/** Whether an argument names a search for the best model that fits, not a model or an export. */
export const fitRunNamed = (named: string): boolean =>
  basename(named).startsWith('fit-') && (!existsSync(named) || existsSync(resolve(named, 'manifest.json')));

/** A RUN argument: a run's name in the workspace, or the path of its folder (which then determines the workspace). */
export const findRun = (named: string, reader: OptionReader, host: VerbHost): NamedRun => {
  const folder = resolve(named);
  const isFolder = existsSync(resolve(folder, 'manifest.json')) && basename(dirname(folder)) === 'runs';
  if (isFolder && reader.text('workspace') === undefined)
    return { workspace: dirname(dirname(folder)), run: basename(folder) };
  return { workspace: workspaceOf(reader, host), run: basename(named) };
};

/** A reader of the workspace's runs for the time of one verb. */
export const withReader = async <T>(
  { resources, settingsFile }: Pick<VerbHost, 'resources' | 'settingsFile'>,
  workspace: string,
  use: (reader: RunReader) => Promise<T>,
): Promise<T> => {
  const reader = createRunReader({ workspace, resources, state: stateFolder(settingsFile) });
  try {
    return await use(reader);
  } finally {
    await reader.dispose();
  }
};

/** Reads the thresholds of a sweep at a level that holds for all of them together. */
export const FAMILYWISE: Readonly<Record<'familywise', VerbOption>> = {
  familywise: switchOption(
    'Compute thresholds so that the chance of any wrong one among all is at most 5 % (Bonferroni over model, ' +
      'task, method).',
  ),
};

/** Reads the thresholds of a sweep by another margin, or at another level. */
export const READING_OPTIONS: Readonly<Record<'delta' | 'familywise', VerbOption>> = {
  delta: valueOption('X', 'Margin of the threshold rule in accuracy (default: that of the sweep).'),
  ...FAMILYWISE,
};
