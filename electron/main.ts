import { join } from 'node:path';
import {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  protocol,
  session,
  shell,
  type IpcMainInvokeEvent,
  type MessagePortMain,
} from 'electron';
import type { EngineProcessSettings } from '../main/contract/engine-control.ts';
import type { PathHandle } from '../main/contract/model.ts';
import type { ShellEvent } from '../main/contract/shell.ts';
import { type EngineEnd, startEngineProcess, type EngineProcess } from './engine-process.ts';
import { forkCompute, forkEngine, forkLine, forkProbe } from './fork-utility.ts';
import { SHELL_CALL, SHELL_DROP, SHELL_EVENT } from './ipc-channels.ts';
import { createDropGate, createIpcGate } from './ipc-gate.ts';
import { createOpenings, type Opening, openingOf, openingOfLink, profileFolder, readLaunch } from './openings.ts';
import { forbidNavigation, PAGE_SCHEME, PAGE_URL, pageScheme, refusePermissions, servePage } from './page.ts';
import { createRemote } from './remote.ts';
import { createShellHandlers, showMenu } from './shell-handlers.ts';
import { openWindow } from './window.ts';

/** Entry point of the desktop application: first everything that must precede `ready`, then engine and window. */
const launch = readLaunch(process.argv, process.cwd(), app.isPackaged);
const built = join(app.getAppPath(), 'dist');

const engineSettings: EngineProcessSettings = {
  workspace: launch.workspace,
  // Models are mapped from disk, so in a package they lie beside the archive, not in it.
  resources: join(app.isPackaged ? process.resourcesPath : app.getAppPath(), 'resources'),
  commandLine: process.argv.join(' '),
  ...(launch.device === null ? {} : { device: launch.device }),
};

const fail = (error: unknown): void => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  dialog.showErrorBox('Uncurl Workbench cannot start', error instanceof Error ? error.message : String(error));
  app.exit(1);
};

const tellPages = (event: ShellEvent): void => {
  for (const window of BrowserWindow.getAllWindows()) window.webContents.send(SHELL_EVENT, event);
};

/** Offers to reload a crashed page; the engine and its jobs continue meanwhile. */
const offerReload = async (window: BrowserWindow, reason: string): Promise<void> => {
  const { response } = await dialog.showMessageBox(window, {
    type: 'error',
    title: 'Uncurl Workbench',
    message: `The page stopped (${reason}).`,
    detail: 'The engine is not affected: running jobs continue.',
    buttons: ['Load the page again', 'Close the workbench'],
    defaultId: 0,
    cancelId: 1,
  });
  if (response === 0) window.webContents.reload();
  else app.quit();
};

/** Starts an engine; it receives the paths that the user had granted to the previous one. */
const startEngine = (granted: ReadonlySet<string>, ended: (end: EngineEnd) => void): EngineProcess<MessagePortMain> => {
  const child = forkEngine(join(built, 'utility-process.cjs'), engineSettings);
  const engine = startEngineProcess(
    child,
    ended,
    forkProbe(join(built, 'provider-probe.cjs')),
    forkCompute(join(built, 'compute-process.cjs')),
  );
  for (const path of granted) engine.grantPath(path).catch(() => undefined); // it ended again: `ended` is called
  return engine;
};

const run = async (): Promise<void> => {
  await app.whenReady();
  const granted = new Set<string>();
  const offerRestart = async (end: EngineEnd): Promise<void> => {
    if (remote.host() === null) tellPages({ type: 'engine.lost', message: end.message });
    const { response } = await dialog.showMessageBox({
      type: 'error',
      title: 'Uncurl Workbench',
      message: end.message,
      detail: end.detail,
      buttons: ['Start the engine again', 'Close the workbench'],
      defaultId: 0,
      cancelId: 1,
    });
    if (response !== 0) return app.quit();
    engine = startEngine(granted, engineEnded);
    if (remote.host() === null) tellPages({ type: 'engine.started' });
    await openings.restarted();
  };
  const engineEnded = (end: EngineEnd): void => void offerRestart(end).catch(fail);
  let engine = startEngine(granted, engineEnded);
  const remote = createRemote<MessagePortMain>({
    startLine: (host) => forkLine(join(built, 'line-process.cjs'), { host, resources: engineSettings.resources }),
    tell: tellPages,
    loadPage: () => {
      // Its promise also rejects if the window is closed meanwhile; real failures are reported by the window.
      for (const open of BrowserWindow.getAllWindows()) open.loadURL(PAGE_URL).catch(() => undefined);
    },
    fellBack: (host, { message, remedy }) =>
      void dialog
        .showMessageBox({
          type: 'warning',
          title: 'Uncurl Workbench',
          message: `The window is back on this machine: the line to ${host} has ended.`,
          detail: [message, remedy].join('\n').trim(),
        })
        .catch(fail),
  });

  refusePermissions(session.defaultSession);
  protocol.handle(PAGE_SCHEME, servePage(join(built, 'renderer')));
  const isOwnWindow = (id: number): boolean =>
    BrowserWindow.getAllWindows().some((window) => window.webContents.id === id);
  const grantPath = (path: string): Promise<PathHandle> => {
    granted.add(path);
    return engine.grantPath(path);
  };
  const openings = createOpenings(grantPath, tellPages);
  openAsked = (opening) => {
    const host = remote.host();
    if (host === null || opening.kind === 'link') return openings.open(opening).catch(fail);
    const message = `The window shows the workbench of ${host}, which does not see files of this machine.`;
    const detail = 'Come back to this machine (File menu), then open it.';
    return dialog.showMessageBox({ type: 'info', title: 'Uncurl Workbench', message, detail }).catch(fail);
  };
  for (const opening of asked.splice(0)) openAsked(opening);
  const gate = createIpcGate<IpcMainInvokeEvent>(
    isOwnWindow,
    createShellHandlers({
      development: launch.development,
      connectPage: (port) => (remote.host() === null ? engine : remote).connectPage(port),
      remote,
      grantPath,
      outputOf: (run) => engine.outputOf(run),
      pageListens: openings.listening,
    }),
  );
  ipcMain.handle(SHELL_CALL, gate);
  const dropGate = createDropGate<IpcMainInvokeEvent>(isOwnWindow, (path) =>
    remote.host() === null ? grantPath(path) : Promise.resolve(null),
  );
  ipcMain.handle(SHELL_DROP, async (caller, paths: unknown) =>
    caller.sender.send(SHELL_EVENT, await dropGate(caller, paths)),
  );
  showMenu([], launch.development);

  const window = openWindow({
    preload: join(built, 'preload.cjs'),
    development: launch.development,
    boundsFile: join(app.getPath('userData'), 'window.json'),
    failed: fail,
  });
  // Another document, not another place in the present one.
  window.webContents.on('did-navigate', openings.left);
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason !== 'clean-exit') void offerReload(window, reason).catch(fail);
  });

  let stopped = false;
  app.on('before-quit', (event) => {
    if (stopped) return;
    event.preventDefault();
    for (const window of BrowserWindow.getAllWindows()) window.hide();
    void Promise.all([engine.stop(), remote.close()]).then(() => {
      stopped = true;
      app.quit();
    });
  });
};

/** Requests of the system before there was a window. */
const asked: Opening[] = [];
let openAsked = (opening: Opening): unknown => asked.push(opening);
const openIfAny = (opening: Opening | null): void => {
  if (opening !== null) openAsked(opening);
};

const focusWindow = (): void => {
  const [window] = BrowserWindow.getAllWindows();
  if (window?.isMinimized()) window.restore();
  window?.focus();
};

app.setPath('userData', profileFolder(app.getPath('userData'), launch.workspace));
if (app.requestSingleInstanceLock()) {
  protocol.registerSchemesAsPrivileged([pageScheme]);
  app.enableSandbox();
  app.on('second-instance', (_event, argv, workingFolder) => {
    openIfAny(openingOf(argv, workingFolder));
    focusWindow();
  });
  app.on('open-url', (event, address) => {
    event.preventDefault();
    openIfAny(openingOfLink(address));
  });
  app.on('open-file', (event, path) => {
    event.preventDefault();
    openIfAny({ kind: 'file', path });
  });
  openIfAny(openingOf(process.argv, process.cwd()));
  // On Linux and macOS installers register the scheme; on Windows the application does.
  if (app.isPackaged && process.platform === 'win32') app.setAsDefaultProtocolClient(PAGE_SCHEME);
  app.on('window-all-closed', () => app.quit());
  app.on('web-contents-created', (_event, contents) =>
    forbidNavigation(contents, (address) => void shell.openExternal(address)),
  );
  run().catch(fail);
} else {
  app.quit(); // The workbench is already open on this workspace: its window comes to the front.
}
