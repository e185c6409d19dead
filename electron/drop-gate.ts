import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { PathHandle } from '../main/contract/model.ts';
import type { ShellEvent } from '../main/contract/shell.ts';
import { MOST_DROPPED } from '../main/contract/shell.ts';
import { isOwnPage } from './ipc-gate.ts';
import type { Caller } from './ipc-gate.ts';

/** Paths found by the preload script; empty for items without one (a picture from a web page). */
const droppedPaths = z
  .array(
    z
      .string()
      .max(4096)
      .refine((path) => path === '' || isAbsolute(path)),
  )
  .max(MOST_DROPPED);

/**
 * Grants dropped paths and returns the page's event. The page is not involved: the preload script receives the drop
 * itself, and accepts only drops made by the system (a page can fabricate events).
 */
export const createDropGate =
  <C extends Caller>(
    isOwnWindow: (webContentsId: number) => boolean,
    /** Null: paths of this machine mean nothing to the engine, and the page sends the contents. */
    grantPath: (path: string) => Promise<PathHandle | null>,
  ) =>
  async (caller: C, paths: unknown): Promise<ShellEvent> => {
    if (!isOwnPage(caller, isOwnWindow)) throw new Error('Drop a file or folder on the workbench.');
    const dropped = droppedPaths.parse(paths);
    const handles = await Promise.all(dropped.map(async (path) => (path === '' ? null : grantPath(path))));
    return { type: 'dropped', handles };
  };
