import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { PathHandle } from '../main/contract/model.ts';
import type { ShellEvent } from '../main/contract/shell.ts';
import { MOST_DROPPED } from '../main/contract/shell.ts';
import { isOwnPage } from './ipc-gate.ts';
import type { Caller } from './ipc-gate.ts';

/** Paths as the preload script found them; empty for what has none (a picture from a web page). */
const droppedPaths = z
  .array(
    z
      .string()
      .max(4096)
      .refine((path) => path === '' || isAbsolute(path)),
  )
  .max(MOST_DROPPED);

/**
 * Grants what a person dropped on the window, and answers what the page is told of it. The page has no part in this:
 * the preload script hears the drop itself, and only one that the system made (a page can make such events up).
 */
export const createDropGate =
  <C extends Caller>(
    isOwnWindow: (webContentsId: number) => boolean,
    grantPath: (path: string) => Promise<PathHandle>,
  ) =>
  async (caller: C, paths: unknown): Promise<ShellEvent> => {
    if (!isOwnPage(caller, isOwnWindow)) throw new Error('Only what is dropped on the workbench is opened.');
    const dropped = droppedPaths.parse(paths);
    const handles = await Promise.all(dropped.map(async (path) => (path === '' ? null : grantPath(path))));
    return { type: 'dropped', handles };
  };
