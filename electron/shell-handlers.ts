import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FileFilter, IpcMainInvokeEvent, MessagePortMain } from 'electron';
import { app, BrowserWindow, dialog, Menu, MessageChannelMain, nativeTheme, shell } from 'electron';
import { refuse } from '../main/contract/errors.ts';
import type { PathHandle } from '../main/contract/model.ts';
import type { ChoicePurpose, MenuAction, ShellEvent } from '../main/contract/shell.ts';
import { enginePortMessage, MANIFEST_SUFFIX } from '../main/contract/shell.ts';
import { ENGINE_PORT, SHELL_EVENT } from './ipc-channels.ts';
import type { ShellHandlers } from './ipc-gate.ts';
import { menuTemplate } from './menu.ts';
import type { Remote } from './remote.ts';
import { saveFile } from './save-file.ts';

export interface ShellServices {
  readonly development: boolean;
  connectPage(port: MessagePortMain): void;
  grantPath(path: string): Promise<PathHandle>;
  /** Path of a run's output; null if it has none. */
  outputOf(run: string): Promise<string | null>;
  readonly remote: Remote<MessagePortMain>;
  /** Returns events that waited until the page listened. */
  pageListens(): readonly ShellEvent[];
}

const TITLES: Readonly<Record<ChoicePurpose, string>> = {
  model: 'Open a model folder',
  task: 'Open a task folder',
  'task-file': 'Open a task file',
  'model-file': 'Open a GGUF file',
  'counts-file': 'Choose counts of tokens by expert',
  candidate: 'Choose a checkpoint to measure beside the plans',
  export: 'Choose the folder to export into',
  exported: 'Choose an exported model',
  tuned: 'Choose the folder to write the tuned model into',
  workspace: 'Choose the folder of runs',
  python: 'Choose a Python',
};

/** `tasks/README.md` of the engine lists the formats. */
const TASK_FILES = [{ name: 'Tasks', extensions: ['jsonl', 'parquet', 'yaml', 'yml', 'txt'] }];

/** Weights and metadata in one file; others are refused by the engine. */
const MODEL_FILES = [{ name: 'GGUF', extensions: ['gguf'] }];

/** An importance matrix, or routed experts. */
const COUNTS_FILES = [{ name: 'Counts of tokens by expert', extensions: ['gguf', 'npy', 'jsonl'] }];

/** The types of file that a native dialog offers; of other purposes, folders are chosen. */
const FILES: Readonly<Partial<Record<ChoicePurpose, readonly FileFilter[]>>> = {
  'task-file': TASK_FILES,
  'model-file': MODEL_FILES,
  'counts-file': COUNTS_FILES,
  python: [],
};

/** The application menu with the page's actions; a chosen one goes to the focused window. */
export const showMenu = (actions: readonly MenuAction[], development: boolean): void => {
  const choose = (id: string): void => {
    const event: ShellEvent = { type: 'menu.action', id };
    BrowserWindow.getAllWindows()[0]?.webContents.send(SHELL_EVENT, event);
  };
  Menu.setApplicationMenu(
    Menu.buildFromTemplate(menuTemplate(actions, { platform: process.platform, development, choose })),
  );
};

const windowOf = (caller: IpcMainInvokeEvent) => {
  const window = BrowserWindow.getAllWindows().find(({ webContents }) => webContents.id === caller.sender.id);
  if (window === undefined)
    throw refuse('window-closed', 'The window that asked was closed.', 'Open the workbench again.');
  return window;
};

const requireHere = ({ host }: Remote<MessagePortMain>): void => {
  const elsewhere = host();
  if (elsewhere !== null)
    throw refuse('elsewhere', `The engine is on ${elsewhere}, not on this machine.`, 'Choose among its folders.');
};

/** The shell's services for its page, behind the gate. */
export const createShellHandlers = (services: ShellServices): ShellHandlers<IpcMainInvokeEvent> => ({
  'engine.connect': ({ request }, caller) => {
    const { port1, port2 } = new MessageChannelMain();
    services.connectPage(port2);
    caller.senderFrame?.postMessage(ENGINE_PORT, enginePortMessage(request), [port1]);
    return Promise.resolve({});
  },
  'folder.choose': async ({ purpose }, caller) => {
    // A path of this machine means nothing to an engine elsewhere.
    requireHere(services.remote);
    const { canceled, filePaths } = await dialog.showOpenDialog(windowOf(caller), {
      title: TITLES[purpose],
      properties:
        FILES[purpose] !== undefined
          ? ['openFile']
          : purpose === 'export' || purpose === 'tuned' || purpose === 'workspace'
            ? ['openDirectory', 'createDirectory']
            : ['openDirectory'],
      filters: [...(FILES[purpose] ?? [])],
    });
    const [path] = filePaths;
    return canceled || path === undefined ? null : services.grantPath(path);
  },
  'file.save': async ({ suggestedName, bytes, manifest }, caller) => {
    const { canceled, filePath } = await dialog.showSaveDialog(windowOf(caller), {
      defaultPath: join(app.getPath('downloads'), suggestedName),
    });
    if (canceled || filePath === '') return { saved: false };
    await saveFile(filePath, bytes);
    if (manifest !== undefined) await saveFile(`${filePath}${MANIFEST_SUFFIX}`, manifest);
    return { saved: true };
  },
  'output.show': async ({ run }) => {
    requireHere(services.remote);
    const path = await services.outputOf(run);
    if (path === null || !existsSync(path))
      throw refuse('nothing-there', `The output of ${run} no longer exists.`, 'Check where it was moved.');
    shell.showItemInFolder(path);
    return {};
  },
  'remote.state': () => Promise.resolve({ host: services.remote.host(), questions: [...services.remote.questions()] }),
  'remote.connect': async ({ host }) => {
    await services.remote.connect(host);
    return {};
  },
  'remote.cancel': () => {
    services.remote.cancel();
    return Promise.resolve({});
  },
  'remote.answer': ({ id, answer }) => {
    services.remote.answer(id, answer);
    return Promise.resolve({});
  },
  'remote.leave': async ({ stop }) => {
    await services.remote.leave(stop);
    return {};
  },
  'remote.fetch': async ({ run }, caller) => {
    const { canceled, filePath } = await dialog.showSaveDialog(windowOf(caller), {
      title: 'Fetch into a new folder',
      buttonLabel: 'Fetch',
      defaultPath: join(app.getPath('downloads'), run),
    });
    if (canceled || filePath === '') return null;
    return { out: filePath, files: await services.remote.fetch(run, filePath) };
  },
  'remote.fetchCancel': () => {
    services.remote.fetchCancel();
    return Promise.resolve({});
  },
  'theme.set': ({ theme }) => {
    nativeTheme.themeSource = theme;
    return Promise.resolve({});
  },
  'openings.listen': (_input, caller) => {
    for (const event of services.pageListens()) caller.sender.send(SHELL_EVENT, event);
    return Promise.resolve({});
  },
  'menu.set': ({ actions }) => {
    showMenu(actions, services.development);
    return Promise.resolve({});
  },
});
