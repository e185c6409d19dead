import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CustomScheme } from 'electron';
import { pageHeaders, rendererFile } from '../main/contract/renderer-page.ts';
import { isPageUrl, PAGE_SCHEME } from './page-address.ts';

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
