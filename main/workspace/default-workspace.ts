import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

const FOLDER = 'uncurl-workbench';

/** Where a system keeps an application's data. */
const dataFolder = (platform: NodeJS.Platform, environment: Readonly<Record<string, string | undefined>>): string => {
  switch (platform) {
    case 'win32':
      return environment['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local');
    case 'darwin':
      return join(homedir(), 'Library', 'Application Support');
    default:
      return environment['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
  }
};

/** The workspace where none is named: UNCURL_WORKSPACE, else a folder among the user's application data. */
export const defaultWorkspace = (
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
): string => {
  const named = environment['UNCURL_WORKSPACE'];
  return named !== undefined && named !== '' ? resolve(named) : join(dataFolder(platform, environment), FOLDER, 'workspace');
};
