import type { Session } from 'electron';

/**
 * The page needs none of a browser's permissions. One is left to it: putting its own text or picture on the clipboard
 * after the user's click (`clipboard-sanitized-write`; Electron 45 has no other way to copy a picture that Electron 25,
 * with which the windows are tested, shares). Reading the clipboard stays refused.
 */
const isClipboardWrite = (permission: string): boolean => permission === 'clipboard-sanitized-write';

export const refusePermissions = (session: Session): void => {
  session.setPermissionRequestHandler((_contents, permission, answer) => answer(isClipboardWrite(permission)));
  session.setPermissionCheckHandler((_contents, permission) => isClipboardWrite(permission));
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
};
