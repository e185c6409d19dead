import type { WebContents } from 'electron';
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
