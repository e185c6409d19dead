import { join, resolve } from 'node:path';
import { WorkbenchError } from '../main/contract/errors.ts';
import { linkedFragment } from '../main/contract/page-fragment.ts';
import type { PathHandle } from '../main/contract/model.ts';
import type { ShellEvent } from '../main/contract/shell.ts';
import { ENGINE_STOPPED } from './engine-process.ts';
import { isPageUrl, PAGE_SCHEME, parseAddress } from './page.ts';
import { createHash } from 'node:crypto';

interface Launch {
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

/** A request of the system: open a place on the page, or the file of a run. */
export type Opening =
  { readonly kind: 'link'; readonly fragment: string } | { readonly kind: 'file'; readonly path: string };

/** Suffix of run files (`main/workspace/run-store.ts` writes one into each run's folder). */
const RUN_FILE = '.uncurl-run';

/** The target of a link with the workbench's own scheme that its page can show; null for any other text. */
export const openingOfLink = (address: string): Opening | null => {
  if (!isPageUrl(address)) return null;
  const url = parseAddress(address);
  if (url === null || !['', '/'].includes(url.pathname) || url.search !== '') return null;
  const fragment = linkedFragment(url.hash);
  return fragment === null ? null : { kind: 'link', fragment };
};

/**
 * The last link or run file among a program's arguments. A link is never treated as a file, since a web page decides
 * its content.
 */
export const openingOf = (argv: readonly string[], workingFolder: string): Opening | null => {
  for (const argument of argv.slice(1).reverse()) {
    if (argument.startsWith('-')) continue;
    if (argument.toLowerCase().startsWith(`${PAGE_SCHEME}:`)) return openingOfLink(argument);
    if (argument.endsWith(RUN_FILE)) return { kind: 'file', path: resolve(workingFolder, argument) };
  }
  return null;
};

/** Passes requests to the page, once it listens and, for files, once an engine is running. */
export interface Openings {
  open(opening: Opening): Promise<void>;
  /** An engine is running again: opens the files that waited for it. */
  restarted(): Promise<void>;
  /** The page listens from now on: returns waiting events. */
  listening(): readonly ShellEvent[];
  /** The page is being loaded again. */
  left(): void;
}

export const createOpenings = (
  grantPath: (path: string) => Promise<PathHandle>,
  tell: (event: ShellEvent) => void,
): Openings => {
  let isListening = false;
  let waiting: readonly ShellEvent[] = [];
  let ungranted: readonly Opening[] = [];
  const eventOf = async (opening: Opening): Promise<ShellEvent | null> => {
    if (opening.kind === 'link') return { type: 'link', fragment: opening.fragment };
    try {
      return { type: 'opened', handle: await grantPath(opening.path) };
    } catch (error) {
      // A separate dialog reports its end and offers another engine.
      if (!(error instanceof WorkbenchError && error.code === ENGINE_STOPPED)) throw error;
      ungranted = [...ungranted, opening];
      return null;
    }
  };
  const open = async (opening: Opening): Promise<void> => {
    const event = await eventOf(opening);
    if (event === null) return;
    if (isListening) tell(event);
    else waiting = [...waiting, event];
  };
  return {
    open,
    restarted: async () => {
      const again = ungranted;
      ungranted = [];
      for (const opening of again) await open(opening);
    },
    listening: () => {
      const events = waiting;
      isListening = true;
      waiting = [];
      return events;
    },
    left: () => {
      isListening = false;
    },
  };
};
