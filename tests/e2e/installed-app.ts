import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { chromium, expect } from '@playwright/test';
import type { Browser, Page } from '@playwright/test';
import { z } from 'zod';
import { PAGE_URL } from '../../electron/page.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { removeFolder } from '../remove-folder.ts';
import { killAll, parentOf } from '../slurm/job-processes.ts';

const WINDOW_SIZE = { width: 1440, height: 900 };

const named = (variable: string): string => {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: run "npm run test:package".`);
  return value;
};

/** The application in its own folder, and an empty home. */
export interface InstalledApp {
  /** Folder of the program. */
  readonly folder: string;
  /** The user's data: Electron's, and the default workspace. */
  readonly home: string;
  remove(): Promise<void>;
}

/** Ids of the processes that run a program from a folder. */
const processesIn = async (folder: string): Promise<readonly number[]> => {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // A process that has ended, or is hidden by another user, has no readable program.
  const programs = await Promise.all(ids.map((id) => readlink(`/proc/${id}/exe`).catch(() => '')));
  return ids.filter((_, index) => programs[index]?.startsWith(`${folder}/`)).map(Number);
};

/** Ids of the processes that run a program of the installed folder. */
export const processesOf = (app: InstalledApp): Promise<readonly number[]> => processesIn(app.folder);

/** Unpacks the tar.gz like an administrator: readable for everyone, not writable for users. */
export const install = async (): Promise<InstalledApp> => {
  const base = await mkdtemp(path.join(tmpdir(), 'uncurl-installed-'));
  const home = path.join(base, 'home');
  await mkdir(home);
  await chmod(base, 0o755);
  await chmod(home, 0o777);
  await promisify(execFile)('tar', ['-xzf', named('UNCURL_TEST_INSTALLER'), '-C', base]);
  const [folder, ...others] = (await readdir(base)).filter((name) => name !== 'home');
  if (folder === undefined || others.length > 0) throw new Error('the tar.gz holds more than one folder, or none');
  const program = path.join(base, folder);
  const remove = async (): Promise<void> => {
    // After a failed test, the application may still be running.
    killAll(await processesIn(program));
    await removeFolder(base);
  };
  return { folder: program, home, remove };
};

export interface RunningApp {
  readonly page: Page;
  /** Id of the process started by the user. */
  readonly shell: number;
  /** Closes the window and waits for the program to end. */
  close(): Promise<void>;
  /** Resolves when the program has ended, for whatever reason. */
  readonly ended: Promise<unknown>;
}

/** The debugger's address, printed by Chromium; the disabled fuse refuses Node's own debugger. */
const debuggerAddress = async (app: ChildProcess): Promise<string> => {
  let printed = '';
  const address = new Promise<string>((resolve, reject) => {
    app.stderr?.on('data', (chunk: Buffer) => {
      printed += chunk.toString('utf8');
      const found = /DevTools listening on (ws:\/\/\S+)/.exec(printed)?.[1];
      if (found !== undefined) resolve(found);
    });
    app.once('exit', (code) => reject(new Error(`the application ended with ${String(code)}:\n${printed}`)));
    setTimeout(() => reject(new Error(`the application named no debugger:\n${printed}`)), HANG_LIMIT_MS).unref();
  });
  return address;
};

const targets = z.array(z.object({ type: z.string(), url: z.string(), title: z.string() }));

/** Chromium lists the window's page once it shows the workbench. */
const pageIsLoaded = async (address: string): Promise<boolean> => {
  const answer = await fetch(`http://${new URL(address).host}/json/list`);
  const listed = targets.parse(await answer.json());
  return listed.some(({ type, url, title }) => type === 'page' && url === PAGE_URL && title.includes('Uncurl'));
};

/**
 * Attaches to an existing page. If the driver attaches while the first window opens, both sometimes hang on a busy
 * machine (see also launch-held.cjs).
 */
const attach = async (address: string): Promise<Browser> => {
  await expect.poll(() => pageIsLoaded(address), { timeout: HANG_LIMIT_MS }).toBe(true);
  // Electron has no downloads that a debugger could manage, which Playwright would do by default.
  return chromium.connectOverCDP(address, { noDefaults: true, timeout: HANG_LIMIT_MS });
};

/** Starts the installed program like a user, without arguments of its own; the arguments are Chromium's. */
export const start = async (app: InstalledApp): Promise<RunningApp> => {
  const program = path.join(app.folder, 'uncurl-workbench');
  const display = named('UNCURL_TEST_DISPLAY')
    .split(' ')
    .filter((word) => word !== '');
  const [command, ...words] = [...display, program, '--disable-gpu', '--remote-debugging-port=0'];
  const { XDG_DATA_HOME, XDG_CONFIG_HOME, XDG_CACHE_HOME } = Object.fromEntries(
    ['XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME'].map((name) => [name, path.join(app.home, name)]),
  );
  // Its settings are where a user's are: the tests' own folder belongs to another user.
  const { UNCURL_SETTINGS: _settings, ...environment } = process.env;
  const env = { ...environment, XDG_DATA_HOME, XDG_CONFIG_HOME, XDG_CACHE_HOME };
  const child = spawn(command, words, { cwd: app.home, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  const browser = await attach(await debuggerAddress(child));
  const [page] = browser.contexts().flatMap((context) => context.pages());
  if (page === undefined) throw new Error('the driver sees no page in the application');
  await page.setViewportSize(WINDOW_SIZE);
  const ids = await processesOf(app);
  // A process that has ended meanwhile counts as its own parent.
  const parents = await Promise.all(ids.map((id) => parentOf(id).catch(() => id)));
  // The ancestor of all others. Process ids wrap around, so the smallest need not be the first.
  const shell = ids.find((_, index) => !ids.includes(parents[index] ?? 0));
  if (shell === undefined) throw new Error('no process runs the installed program');
  const close = async (): Promise<void> => {
    await page.close();
    await ended;
    await browser.close();
  };
  return { page, shell, close, ended };
};
