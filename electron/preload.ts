import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { ShellApi } from '../main/contract/shell.ts';
import { ENGINE_PORT, SHELL_CALL, SHELL_DROP, SHELL_EVENT } from './ipc-channels.ts';

/**
 * The page's whole interface: one object with three members, and its engine port as a window message. The gate in the
 * main process decides which calls are valid and who may make them.
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

/** Before Electron 32 a file had its path itself; `webUtils` came with 29. */
const pathOf = (file: File & { readonly path?: string }): string => file.path ?? webUtils.getPathForFile(file);

/**
 * Grants the paths of files that the system drops on the window. This bypasses the page, which could name any path and
 * fabricate a drop (which is then not trusted).
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

// Ports cannot pass through the context bridge, so a window message to the same origin passes them on. Its text
// (`enginePortMessage`) comes from the main process.
ipcRenderer.on(ENGINE_PORT, (event, message: unknown) =>
  window.postMessage(message, window.location.origin, [...event.ports]),
);

contextBridge.exposeInMainWorld('uncurlShell', api);
