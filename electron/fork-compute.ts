import { MessageChannelMain } from 'electron';
import type { MessagePortMain } from 'electron';
import type { StartCompute } from './computes.ts';
import { forkUtility } from './fork-utility.ts';

/**
 * Starts the bundled compute program in a utilityProcess, since the engine's process cannot start any (Electron's fuses
 * forbid it), and connects the two by a channel that bypasses this process.
 */
export const forkCompute =
  (script: string): StartCompute<MessagePortMain> =>
  (settings) => {
    const { port1, port2 } = new MessageChannelMain();
    const child = forkUtility(script, settings, 'Uncurl compute');
    child.postMessage({}, [port1]);
    return { child, port: port2 };
  };
