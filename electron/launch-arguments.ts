import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

export interface Launch {
  /** Absolute; null: the engine's default. */
  readonly workspace: string | null;
  /** As typed; null: the CPU. */
  readonly device: string | null;
  /** Developer tools and reload; never in a packaged application. */
  readonly development: boolean;
}

/** The last value of `--name VALUE` or `--name=VALUE`. */
const optionOf = (argv: readonly string[], name: string): string | null => {
  let found: string | null = null;
  argv.forEach((argument, index) => {
    const value =
      argument === `--${name}`
        ? argv[index + 1]
        : argument.startsWith(`--${name}=`)
          ? argument.slice(name.length + 3)
          : undefined;
    if (value !== undefined && value !== '') found = value;
  });
  return found;
};

/** Reads the program's arguments (`--workspace DIR`, `--device NAME`) and ignores those of Chromium. */
export const readLaunch = (argv: readonly string[], workingFolder: string, packaged: boolean): Launch => {
  const workspace = optionOf(argv, 'workspace');
  return {
    workspace: workspace === null ? null : resolve(workingFolder, workspace),
    device: optionOf(argv, 'device'),
    development: !packaged && argv.includes('--development'),
  };
};

/**
 * The folder of the window's own data (Chromium's profile, the single-instance lock): one per workspace, so that each
 * may be open once, beside others. Never inside the workspace, which may lie on a shared file system.
 */
export const profileFolder = (userData: string, workspace: string | null): string =>
  workspace === null
    ? userData
    : join(userData, 'workspaces', createHash('sha256').update(workspace).digest('hex').slice(0, 16));
