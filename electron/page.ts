import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CustomScheme, Session, WebContents } from 'electron';
import { pageHeaders, rendererFile } from '../main/contract/renderer-page.ts';

/** The page's scheme and origin: a custom scheme, since file:// pages could read every file. */
export const PAGE_SCHEME = 'uncurl';
export const PAGE_HOST = 'app';
export const PAGE_URL = `${PAGE_SCHEME}://${PAGE_HOST}/`;

/** Null for an invalid address. (`URL.canParse` is newer than the Node of Electron 25.) */
export const parseAddress = (address: string): URL | null => {
  try {
    return new URL(address);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
};

/** Whether an address belongs to the page's origin. `URL.origin` does not help: it is "null" for custom schemes. */
export const isPageUrl = (address: string): boolean => {
  const url = parseAddress(address);
  if (url === null) return false;
  const { protocol, host, username, password } = url;
  return protocol === `${PAGE_SCHEME}:` && host === PAGE_HOST && username === '' && password === '';
};

/** Registered before Electron is ready: the scheme has origins, is secure, and may cache compiled scripts. */
export const pageScheme: CustomScheme = {
  scheme: PAGE_SCHEME,
  privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
};

const notFound = (): Response =>
  new Response('There is no such page.\n', {
    status: 404,
    headers: { ...pageHeaders(), 'Content-Type': 'text/plain; charset=utf-8' },
  });

/** The path as written in the address: URL would resolve its `..`, and the result could look harmless. */
const rawPath = (address: string): string => /^[a-z]+:\/\/[^/?#]*(\/[^?#]*)/i.exec(address)?.[1] ?? '/';

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR');

/** Answers the page's requests with the files of the built page, and nothing else. */
export const servePage =
  (rendererFolder: string) =>
  async (request: { readonly url: string; readonly method: string }): Promise<Response> => {
    const file = request.method === 'GET' && isPageUrl(request.url) ? rendererFile(rawPath(request.url)) : null;
    if (file === null) return notFound();
    try {
      const bytes = await readFile(join(rendererFolder, file.path));
      return new Response(new Uint8Array(bytes), { headers: { ...pageHeaders(), 'Content-Type': file.contentType } });
    } catch (error) {
      if (isMissing(error)) return notFound();
      throw error;
    }
  };

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
