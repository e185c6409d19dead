import type { WebContents, Session } from 'electron';
import { parseAddress } from './page-address.ts';

/** Hosts that the page's links may open in the user's browser: papers, model cards, this project. */
const EXTERNAL_HOSTS = new Set(['arxiv.org', 'doi.org', 'github.com', 'huggingface.co']);

/** Whether a link may be handed to the user's browser. */
export const isAllowedExternal = (address: string): boolean => {
  const url = parseAddress(address);
  if (url === null) return false;
  const { protocol, host, username, password } = url;
  // `host` includes a port: an address with one is not on the list.
  return protocol === 'https:' && EXTERNAL_HOSTS.has(host) && username === '' && password === '';
};

/** The window shows one page for its whole life: no other address, no frame elsewhere, no new window, no webview. */
export const forbidNavigation = (contents: WebContents, openExternal: (address: string) => void): void => {
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-frame-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    if (isAllowedExternal(url)) openExternal(url);
    return { action: 'deny' };
  });
};

/**
 * The page needs almost none of a browser's permissions. Two are granted: notifying the user of the end of a long job
 * (`notifications`, used only if the user switched that on), and copying its own text or picture to the clipboard after
 * a click (`clipboard-sanitized-write`; Electron 45 has no other way to copy a picture that also exists in Electron 25,
 * with which the windows are tested). Reading the clipboard stays refused.
 */
const isLeft = (permission: string): boolean =>
  permission === 'clipboard-sanitized-write' || permission === 'notifications';

export const refusePermissions = (session: Session): void => {
  session.setPermissionRequestHandler((_contents, permission, answer) => answer(isLeft(permission)));
  session.setPermissionCheckHandler((_contents, permission) => isLeft(permission));
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
};
