import type { Session } from 'electron';

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
