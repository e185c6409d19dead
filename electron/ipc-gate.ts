import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { refuse, serialiseError } from '../main/contract/errors.ts';
import type { PathHandle } from '../main/contract/model.ts';
import type { ShellAnswer, ShellCallName, ShellCallOutput, ShellEvent } from '../main/contract/shell.ts';
import { MOST_DROPPED, shellCalls } from '../main/contract/shell.ts';
import { isPageUrl } from './page.ts';

/** The part of Electron's IpcMainInvokeEvent that identifies the sender of a call. */
export interface Caller {
  /** Null if the frame has gone or navigated since. */
  readonly senderFrame: { readonly url: string; readonly parent: object | null } | null;
  readonly sender: { readonly id: number };
}

/** Whether the caller is our page: the top frame of one of our windows, showing our origin. */
export const isOwnPage = (caller: Caller, isOwnWindow: (webContentsId: number) => boolean): boolean =>
  caller.senderFrame !== null &&
  caller.senderFrame.parent === null &&
  isPageUrl(caller.senderFrame.url) &&
  isOwnWindow(caller.sender.id);

type ShellCallParsed<N extends ShellCallName> = z.output<(typeof shellCalls)[N]['input']>;

/** One function per call, with parsed input. */
export type ShellHandlers<C extends Caller> = {
  readonly [N in ShellCallName]: (input: ShellCallParsed<N>, caller: C) => Promise<ShellCallOutput<N>>;
};

const inputs: { readonly [N in ShellCallName]: { readonly input: z.ZodType<ShellCallParsed<N>> } } = shellCalls;

const isShellCallName = (name: unknown): name is ShellCallName =>
  typeof name === 'string' && Object.hasOwn(shellCalls, name);

const handle = async <C extends Caller, N extends ShellCallName>(
  handlers: ShellHandlers<C>,
  name: N,
  input: unknown,
  caller: C,
): Promise<unknown> => {
  const parsed = inputs[name].input.safeParse(input);
  if (!parsed.success) {
    throw refuse('invalid-input', `${name}: ${z.prettifyError(parsed.error)}`, 'Correct the named fields of the call.');
  }
  return handlers[name](parsed.data, caller);
};

/**
 * The only way from a page to the shell. Calls from elsewhere (another frame, origin or window) are rejected before
 * their content is read; the page's own calls are parsed by their schemas; anything else is refused.
 */
export const createIpcGate =
  <C extends Caller>(isOwnWindow: (webContentsId: number) => boolean, handlers: ShellHandlers<C>) =>
  async (caller: C, name: unknown, input: unknown): Promise<ShellAnswer> => {
    if (!isOwnPage(caller, isOwnWindow)) throw new Error('The workbench answers its own page only.');
    try {
      if (!isShellCallName(name))
        throw refuse('unknown-call', `The shell has no call ${JSON.stringify(name)}.`, 'Reload the page.');
      return { output: await handle(handlers, name, input, caller) };
    } catch (error) {
      return { error: serialiseError(error) };
    }
  };

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
