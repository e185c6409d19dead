import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { ShellApi } from '../main/contract/shell.ts';
import { ENGINE_PORT, SHELL_CALL, SHELL_DROP, SHELL_EVENT } from './ipc-channels.ts';

/**
 * All that the page gets: one object with three members, and its engine port as a window message. What a call may be
 * and who may make it is decided by the gate in the main process.
 */
const api: ShellApi = {
  platform: process.platform,
  call: (name, input): Promise<unknown> => ipcRenderer.invoke(SHELL_CALL, name, input),
  onEvent: (listener) => {
    const forward = (_event: unknown, event: unknown): void => listener(event);
    ipcRenderer.on(SHELL_EVENT, forward);
    return () => void ipcRenderer.off(SHELL_EVENT, forward);
  },
};

/** Before Electron 32 a file told its path itself; `webUtils` came with 29. */
const pathOf = (file: File & { readonly path?: string }): string => file.path ?? webUtils.getPathForFile(file);

/**
 * What the system drops on the window is granted by its path. The page is not asked: it could name any path, and make
 * up a drop (which is then not trusted).
 */
window.addEventListener(
  'drop',
  (event) => {
    if (!event.isTrusted || event.dataTransfer === null || event.dataTransfer.files.length === 0) return;
    const paths = [...event.dataTransfer.files].map(pathOf);
    void ipcRenderer.invoke(SHELL_DROP, paths);
  },
  { capture: true },
);

// Ports cannot pass through the context bridge: a window message to the same origin is the way to hand them over.
// Its text (`enginePortMessage`) comes from the main process.
ipcRenderer.on(ENGINE_PORT, (event, message: unknown) =>
  window.postMessage(message, window.location.origin, [...event.ports]),
);

contextBridge.exposeInMainWorld('uncurlShell', api);
