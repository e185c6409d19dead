import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { environmentPython, createMadeEnvironments } from '../finetune/made-environments.ts';
import { ownPython } from '../finetune/find-python.ts';
import {
  AS_PUBLISHED,
  foundImports,
  importedTasks,
  importTasks,
  isYamlTask,
  type ImportSettings,
  type TaskFolders,
} from '../harness/import-tasks.ts';
import { judgingPython, namedPython, rememberJudgingPython } from '../harness/judging-python.ts';
import { hubSettings } from '../hub/hub-settings.ts';
import { stateFolder } from '../workspace/user-key.ts';
import { type FindHarnessTasks, workspaceOf } from './subjects.ts';
import type { OptionReader, VerbHost } from './verb.ts';

/** The parts of a host that importing needs. */
export type ImportHost = Pick<
  VerbHost,
  'resources' | 'environment' | 'settingsFile' | 'signal' | 'say' | 'progress' | 'endsWell'
>;

/** Imports tasks into the workspace, with this Python, or with that of the workspace's environment. */
export const importNamed = async (
  names: readonly string[],
  settings: ImportSettings,
  python: string | null,
  reader: OptionReader,
  host: ImportHost,
): Promise<TaskFolders> => {
  const workspace = workspaceOf(reader, host);
  if (python !== null) await rememberJudgingPython(stateFolder(host.settingsFile), workspace, python);
  const isAnew = (settings.include ?? []).length > 0;
  const known: TaskFolders = isAnew ? new Map() : await foundImports(workspace, names, settings);
  if (names.every((name) => known.has(name))) return known;
  const environments = createMadeEnvironments(stateFolder(host.settingsFile));
  const { resources, signal } = host;
  const order = {
    python: python ?? (await ownPython(workspace, environments)),
    resources,
    workspace,
    isOffline: hubSettings(host.environment).forbiddenBy !== null,
    signal,
    say: (line: string) => host.progress(line),
  };
  const found = await host.endsWell(importTasks(names, settings, order));
  const record = await importedTasks(workspace);
  for (const name of names.filter((entry) => !known.has(entry))) {
    const folders = found.get(name) ?? [];
    host.say(`${name}: imported from lm-evaluation-harness into ${folders.join(', ')}`);
    const own = record.find(
      ({ asked, folder, inPlaceOf }) =>
        asked === name && inPlaceOf !== undefined && folders.some((entry) => basename(entry) === folder),
    );
    if (own?.inPlaceOf !== undefined)
      host.say(
        `${name}: ${own.inPlaceOf} stands in place of the harness's own task. Name that folder to measure it: by the ` +
          "name alone, the harness's own is meant.",
      );
  }
  return found;
};

/**
 * Finds tasks of lm-evaluation-harness by name: those that the workspace has imported, and others where it has a
 * Python that can import them: the one that `uncurl import --python` named last, or its environment (`uncurl doctor
 * --python`).
 * A YAML file of the harness needs such a Python.
 */
export const harnessTasks =
  (reader: OptionReader, host: ImportHost): FindHarnessTasks =>
  async (names) => {
    const workspace = workspaceOf(reader, host);
    const state = stateFolder(host.settingsFile);
    if (names.some(isYamlTask)) {
      const python = await judgingPython(state, workspace, createMadeEnvironments(state));
      return importNamed(names, AS_PUBLISHED, python, reader, host);
    }
    const named = await namedPython(state, workspace);
    return named !== null || existsSync(environmentPython(workspace))
      ? importNamed(names, AS_PUBLISHED, named, reader, host)
      : foundImports(workspace, names, AS_PUBLISHED);
  };
