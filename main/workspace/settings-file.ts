import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { boundedRecord, boundedText } from '../contract/bounds.ts';
import { at, refuse, WorkbenchError } from '../contract/errors.ts';
import { NO_SETTINGS, type SettingsChange, type UserSettings, userSettings } from '../contract/settings.ts';
import { createTurns, writeFileAtomically } from '../files/write-atomically.ts';
import { parseForm } from '../files/parse-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const MAX_SETTINGS_BYTES = 262_144;

const configurationFolder = (platform: NodeJS.Platform, environment: Environment): string => {
  switch (platform) {
    case 'win32':
      return environment['APPDATA'] ?? join(homedir(), 'AppData', 'Roaming');
    case 'darwin':
      return join(homedir(), 'Library', 'Application Support');
    default: {
      const named = environment['XDG_CONFIG_HOME'];
      return named === undefined || named === '' ? join(homedir(), '.config') : named;
    }
  }
};

/** Path of the user's settings: UNCURL_SETTINGS, else a file in the system's configuration folder. */
export const settingsFile = (
  environment: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): string => {
  const named = environment['UNCURL_SETTINGS'];
  if (named !== undefined && named !== '') return resolve(named);
  return join(configurationFolder(platform, environment), 'uncurl-workbench', 'settings.json');
};

const entries = boundedRecord(boundedText, z.unknown());

const unreadable = (message: string, cause?: unknown): Error =>
  refuse('settings-unreadable', message, 'Repair the file, or remove it to use the defaults.', cause);

const readEntries = async (file: string): Promise<z.infer<typeof entries>> => {
  const text = await readTextIfThere(file, { mostBytes: MAX_SETTINGS_BYTES });
  if (text === null) return {};
  return parseForm(text, entries, {
    notJson: (_, cause) => unreadable(`${file} is not JSON.`, cause),
    otherForm: () => unreadable(`${file} contains no settings.`),
  });
};

const checked = (file: string, given: z.infer<typeof entries>): UserSettings => {
  const parsed = userSettings.safeParse({ ...NO_SETTINGS, ...given });
  if (parsed.success) return parsed.data;
  const { path, message } = at(parsed.error.issues, 0);
  throw unreadable(`${file}: ${path.join('.')}: ${message}.`);
};

/**
 * Reads the user's settings; empty if there is no such file.
 *
 * @throws WorkbenchError `settings-unreadable` if the file cannot be parsed; it is not treated as empty.
 */
export const readSettings = async (file: string): Promise<UserSettings> => checked(file, await readEntries(file));

const inTurn = createTurns();

/** Changes some settings and keeps unknown ones, written by a newer version. */
export const changeSettings = (file: string, change: SettingsChange): Promise<UserSettings> =>
  inTurn(async () => {
    const given = Object.entries(change).filter(([, value]) => value !== undefined);
    const next = { ...(await readEntries(file)), ...Object.fromEntries(given) };
    const settings = checked(file, next);
    await writeFileAtomically(file, `${JSON.stringify(next, null, 2)}\n`);
    return settings;
  });

/**
 * Adds to a start-up error the setting that caused it: it was made in the window, which cannot change it before there
 * is an engine. Takes the settings that nothing overrode, else null.
 */
export const withSettingAtFault = (
  error: unknown,
  file: string,
  { device, workspace }: Pick<UserSettings, 'device' | 'workspace'>,
): unknown => {
  if (!(error instanceof WorkbenchError)) return error;
  const isDevice = device !== null && error.code === 'provider-refused';
  if (!isDevice && (workspace === null || !error.message.includes(resolve(workspace)))) return error;
  const name = isDevice ? 'device' : 'workspace';
  const remedy = `${error.remedy} The setting "${name}" in ${file} causes this. Change it there, or use --${name}.`;
  return new WorkbenchError(error.code, error.kind, error.message, remedy, { cause: error });
};

/** Variable with which the setting `hub` reaches the code that asks the Hub. */
export const HUB_VARIABLE = 'UNCURL_HUB';
export const HUB_NEVER = 'never';

/** The environment in which the Hub is never asked, where the user's setting says so. */
export const withSetHub = (environment: Environment, { hub }: UserSettings): Environment =>
  hub === 'never' ? { ...environment, [HUB_VARIABLE]: HUB_NEVER } : environment;

/** The environment with the user's configured workspace as the default, unless it already names one. */
export const withSetWorkspace = (environment: Environment, { workspace }: UserSettings): Environment => {
  const named = environment['UNCURL_WORKSPACE'];
  if (workspace === null || (named !== undefined && named !== '')) return environment;
  return { ...environment, UNCURL_WORKSPACE: workspace };
};
