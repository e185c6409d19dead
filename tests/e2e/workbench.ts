import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { test as base } from '@playwright/test';
import type { Browser, Page, PlaywrightWorkerArgs } from '@playwright/test';
import { addSample } from '../../main/sample/sample-run.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { HANG_LIMIT_MS, TEST_LIMIT_MS } from '../hang-limit.ts';
import { removeFolder } from '../remove-folder.ts';
import { pageErrors, resources } from './page-steps.ts';
import { stageApp } from './stage-app.ts';
import type { StagedApp } from './stage-app.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const WINDOW_SIZE = { width: 1440, height: 900 };

export interface Workbench {
  readonly host: 'browser' | 'window';
  readonly page: Page;
  /** The folder of this test's runs; empty at the start, or with the sample alone (`sampled`). */
  readonly workspace: string;
  /** A folder that the workbench may write exports to. */
  readonly exports: string;
  /** This test's user settings; missing at the start. */
  readonly settings: string;
  /** Answers the window's next native folder dialogs with this folder; null in a browser, which has none. */
  readonly answerFolderDialog: ((folder: string) => Promise<void>) | null;
  /**
   * Starts the window's program again with these arguments, as a system does to open links and files; null in a
   * browser.
   */
  readonly secondInstance: ((argv: readonly string[]) => Promise<void>) | null;
  /** Opens a file, such as a saved report, in a page of its own of the same Chromium. */
  readonly openFile: (file: string) => Promise<Page>;
}

/** The address that `uncurl serve` prints, including the token. */
const addressOf = async (server: ChildProcess): Promise<string> => {
  let printed = '';
  const address = new Promise<string>((resolve) => {
    const read = (chunk: Buffer): void => {
      printed += chunk.toString('utf8');
      const found = /http:\/\/\S+token=[^\s"]+/.exec(printed);
      if (found) resolve(found[0]);
    };
    server.stdout?.on('data', read);
    server.stderr?.on('data', read);
  });
  const ended = once(server, 'exit').then(([code]) => {
    throw new Error(`uncurl serve ended with ${String(code)} before it printed its address:\n${printed}`);
  });
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`uncurl serve printed no address in time:\n${printed}`)), HANG_LIMIT_MS).unref();
  });
  return Promise.race([address, ended, late]);
};

export const stopServer = async (server: ChildProcess): Promise<void> => {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  const limit = setTimeout(() => server.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(limit);
};

type Folders = Pick<Workbench, 'workspace' | 'exports' | 'settings'>;

/**
 * `uncurl serve` on a workspace and a free port, with the address that it prints. `top`: the folder that it lists. It
 * is the built program, whose Node reads no TypeScript, as an installed one: its threads and processes are bundles
 * too, which start in half of the processor time.
 */
export const startServer = async (
  { workspace, settings }: Pick<Folders, 'workspace' | 'settings'>,
  top = '/',
  environment: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly server: ChildProcess; readonly address: string }> => {
  const program = ['--no-experimental-strip-types', path.join(root, 'dist', 'uncurl.cjs')];
  const command = [...program, 'serve', `--root=${top}`, `--workspace=${workspace}`];
  const env = { ...environment, UNCURL_SETTINGS: settings };
  const server = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env });
  try {
    return { server, address: await addressOf(server) };
  } catch (error) {
    await stopServer(server);
    throw error;
  }
};

/** Where one flow works, and the server on it where it runs in a browser. */
interface Place extends Folders {
  readonly base: string;
  readonly server: Awaited<ReturnType<typeof startServer>> | null;
}

const removePlace = async ({ base, server }: Place): Promise<void> => {
  if (server !== null) await stopServer(server.server);
  await removeFolder(base);
};

/** Runs a function with a server. */
export const withServer = async (
  folders: Pick<Folders, 'workspace' | 'settings'>,
  use: (address: string) => Promise<void>,
  top = '/',
): Promise<void> => {
  const { server, address } = await startServer(folders, top);
  try {
    await use(address);
  } finally {
    await stopServer(server);
  }
};

/**
 * Waits for the engine's first answer. Before it the page may not listen to keys yet, and an engine that runs as
 * another user may not have created its workspace.
 */
const untilReady = (page: Page): Promise<void> =>
  page.getByRole('list', { name: 'Models' }).getByRole('listitem').first().waitFor();

const inBrowser = async (
  browser: Browser,
  folders: Folders,
  address: string,
  use: (workbench: Workbench) => Promise<void>,
): Promise<void> => {
  const context = await browser.newContext({ viewport: WINDOW_SIZE, acceptDownloads: true });
  try {
    const page = await context.newPage();
    pageErrors(page);
    await page.goto(address);
    await untilReady(page);
    const openFile = async (file: string): Promise<Page> => {
      const opened = await context.newPage();
      await opened.goto(pathToFileURL(file).href);
      return opened;
    };
    await use({ host: 'browser', page, ...folders, answerFolderDialog: null, secondInstance: null, openFile });
  } finally {
    await context.close();
  }
};

export const definedOf = (environment: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );

const inWindow = async (
  playwright: PlaywrightWorkerArgs['playwright'],
  app: StagedApp,
  folders: Folders,
  use: (workbench: Workbench) => Promise<void>,
): Promise<void> => {
  const executablePath = process.env['UNCURL_TEST_ELECTRON'];
  if (!executablePath) throw new Error('UNCURL_TEST_ELECTRON names no Electron: run "npm run test:window".');
  const electron = await playwright._electron.launch({
    executablePath,
    // The runtime takes the last argument as the application's folder.
    args: [`--workspace=${folders.workspace}`, app.folder],
    chromiumSandbox: true,
    env: { ...definedOf(process.env), UNCURL_SETTINGS: folders.settings },
    timeout: HANG_LIMIT_MS,
  });
  try {
    const page = await electron.firstWindow({ timeout: HANG_LIMIT_MS });
    pageErrors(page);
    await untilReady(page);
    const answerFolderDialog = (folder: string): Promise<void> =>
      electron.evaluate(({ dialog }, chosen) => {
        dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
      }, folder);
    const secondInstance = (argv: readonly string[]): Promise<void> =>
      electron.evaluate(({ app }, given) => void app.emit('second-instance', {}, given, '/'), [...argv]);
    const openFile = async (file: string): Promise<Page> => {
      const opened = electron.waitForEvent('window');
      await electron.evaluate(
        ({ BrowserWindow }, named) => void new BrowserWindow({ show: false }).loadFile(named),
        file,
      );
      const own = await opened;
      await own.waitForLoadState();
      return own;
    };
    await use({ host: 'window', page, ...folders, answerFolderDialog, secondInstance, openFile });
  } finally {
    await electron.close();
  }
};

type Content = 'nothing' | 'sample';

/** What tests share because it takes long to make, and is the same in each of them. */
interface Prepared {
  /** A new place, which the caller removes. */
  readonly place: (content: Content) => Promise<Place>;
  /** Begins to make the next place while a flow waits for its page: a server takes seconds to start. */
  readonly ahead: (content: Content) => void;
}

interface Hosts {
  readonly prepared: Prepared;
  readonly stagedApp: StagedApp | null;
  /** Started once: each test has a profile (context) of its own in it. Null in Electron. */
  readonly sharedBrowser: Browser | null;
}

/**
 * The workbench as a user sees it: in a window of a real Electron (project `electron`) or in Chromium, served by
 * `uncurl serve` (project `chromium`), with a workspace of its own.
 */
export const test = base.extend<{ readonly workbench: Workbench; readonly content: Content }, Hosts>({
  content: ['nothing', { option: true }],

  prepared: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the fixtures that are asked for from the pattern.
    async ({}, use, workerInfo) => {
      const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-prepared-'));
      // Answers about runs that engines keep, by the content of all that they follow from: what one has computed about
      // the sample, the others read.
      const [keptAnswers, sample] = [path.join(folder, 'kept-answers'), path.join(folder, 'sample')];
      await mkdir(keptAnswers);
      // The window's user is not the user of the tests.
      for (const open of [folder, keptAnswers]) await chmod(open, 0o777);
      let made: Promise<unknown> | null = null;
      const addSampleTo = async (workspace: string): Promise<void> => {
        made ??= openWorkspace(sample).then((opened) => addSample(opened, resources));
        await made;
        await cp(sample, workspace, { recursive: true });
        for (const own of ['overlays', 'runs', 'runs/sample', 'steps', 'tmp'])
          await chmod(path.join(workspace, own), 0o777);
      };
      // A flow that is under way may change this process's own.
      const environment = { ...process.env };
      const make = async (content: Content): Promise<Place> => {
        const base = await mkdtemp(path.join(tmpdir(), 'uncurl-flow-'));
        const own = { workspace: path.join(base, 'workspace'), exports: path.join(base, 'exports') };
        const folders = { ...own, settings: path.join(base, 'settings.json') };
        const state = stateFolder(folders.settings);
        for (const each of [...Object.values(own), state]) await mkdir(each);
        // The window's user is not the user of the tests.
        for (const each of [base, ...Object.values(own), state]) await chmod(each, 0o777);
        await symlink(keptAnswers, path.join(state, 'kept-answers'));
        if (content === 'sample') await addSampleTo(folders.workspace);
        const server = workerInfo.project.name === 'electron' ? null : await startServer(folders, '/', environment);
        return { ...folders, base, server };
      };
      const waiting = new Map<Content, Promise<Place>>();
      const ahead = (content: Content): void => {
        const next = make(content);
        // Who takes it hears of it.
        next.catch(() => undefined);
        waiting.set(content, next);
      };
      const place = (content: Content): Promise<Place> => {
        const next = waiting.get(content) ?? make(content);
        waiting.delete(content);
        return next;
      };
      await use({ place, ahead });
      for (const unused of waiting.values()) await unused.then(removePlace);
      await removeFolder(folder);
    },
    { scope: 'worker', timeout: TEST_LIMIT_MS },
  ],

  stagedApp: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the fixtures that are asked for from the pattern.
    async ({}, use, workerInfo) => {
      const engineNode = process.env['UNCURL_TEST_ENGINE_NODE'] ?? null;
      const app = workerInfo.project.name === 'electron' ? await stageApp(engineNode) : null;
      await use(app);
      await app?.remove();
    },
    { scope: 'worker', timeout: TEST_LIMIT_MS },
  ],

  sharedBrowser: [
    async ({ playwright, launchOptions }, use, workerInfo) => {
      const browser = workerInfo.project.name === 'electron' ? null : await playwright.chromium.launch(launchOptions);
      await use(browser);
      await browser?.close();
    },
    { scope: 'worker', timeout: TEST_LIMIT_MS },
  ],

  workbench: async ({ playwright, stagedApp, sharedBrowser, prepared, content }, use) => {
    const { base, server, ...folders } = await prepared.place(content);
    try {
      if (stagedApp) await inWindow(playwright, stagedApp, folders, use);
      else if (sharedBrowser && server)
        await inBrowser(sharedBrowser, folders, server.address, async (workbench) => {
          prepared.ahead(content);
          await use(workbench);
        });
    } finally {
      await removePlace({ base, server, ...folders });
    }
  },
});

/** The same with a workspace that has the sample and was never shown: the page opens as at a first start. */
export const sampled = test.extend({ content: 'sample' });

export { expect } from '@playwright/test';
