import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { pathHandle, type PathHandle } from '../contract/model.ts';
import { refuse } from '../contract/errors.ts';

/** Length of a handle: 192 bits in base64url. */
const HANDLE_LENGTH = 32;

/**
 * Paths that the page may use. The page has opaque handles and can only reach a path for which this engine issued one
 * (because it remembers it, listed it in a folder, or the shell granted it after a native dialog). A handle is a hash
 * of its path, so that a page survives a restart of the engine; the table, not the hash, is the permission.
 */
export interface PathHandles {
  issue(path: string): PathHandle;
  resolve(handle: PathHandle): string;
}

export const createPathHandles = (): PathHandles => {
  const paths = new Map<PathHandle, string>();
  return {
    issue: (path) => {
      const absolute = resolve(path);
      const hash = createHash('sha256').update(`uncurl path\0${absolute}`).digest('base64url');
      const handle = pathHandle.parse(hash.slice(0, HANDLE_LENGTH));
      paths.set(handle, absolute);
      return handle;
    },
    resolve: (handle) => {
      const path = paths.get(handle);
      if (path === undefined) {
        throw refuse(
          'unknown-handle',
          'A folder or file that the page names was not opened in this engine.',
          'Choose the folder or file again.',
        );
      }
      return path;
    },
  };
};
