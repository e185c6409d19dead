import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

export interface Launch {
  /** Absolute; null: the engine's default. */
  readonly workspace: string | null;
  /** Developer tools and reload; never in a packaged application. */
  readonly development: boolean;
}

/** Reads the arguments of the program; those of Chromium itself are left to it. `--workspace DIR` and `--workspace=DIR`. */
export const readLaunch = (argv: readonly string[], workingFolder: string, packaged: boolean): Launch => {
  let workspace: string | null = null;
  argv.forEach((argument, index) => {
    const value = argument === '--workspace' ? argv[index + 1] : /^--workspace=(.*)$/s.exec(argument)?.[1];
    if (value !== undefined && value !== '') workspace = resolve(workingFolder, value);
  });
  return { workspace, development: !packaged && argv.includes('--development') };
};

/**
 * The folder of the window's own data (Chromium's profile, the single-instance lock): one per workspace, so that two
 * workspaces may be open at once and one only once. Never inside the workspace, which may lie on a shared file system.
 */
export const profileFolder = (userData: string, workspace: string | null): string =>
  workspace === null ? userData : join(userData, 'workspaces', createHash('sha256').update(workspace).digest('hex').slice(0, 16));
