import type { Session } from 'electron';

/**
 * The page needs none of a browser's permissions. Two are left to it: telling the end of a long job (`notifications`,
 * which it does only where its user switched that on), and putting its own text or picture on the clipboard
 * after the user's click (`clipboard-sanitized-write`; Electron 45 has no other way to copy a picture that Electron 25,
 * with which the windows are tested, shares). Reading the clipboard stays refused.
 */
const isLeft = (permission: string): boolean =>
  permission === 'clipboard-sanitized-write' || permission === 'notifications';

export const refusePermissions = (session: Session): void => {
  session.setPermissionRequestHandler((_contents, permission, answer) => answer(isLeft(permission)));
  session.setPermissionCheckHandler((_contents, permission) => isLeft(permission));
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
};
