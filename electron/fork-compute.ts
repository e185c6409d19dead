import { MessageChannelMain } from 'electron';
import type { MessagePortMain } from 'electron';
import type { StartCompute } from './computes.ts';
import { forkUtility } from './fork-utility.ts';

/**
 * Starts the bundled process that computes in a utilityProcess of its own, beside the engine's, which cannot start any
 * (Electron's fuses forbid it), and joins the two by a channel that does not lead through this process.
 */
export const forkCompute =
  (script: string): StartCompute<MessagePortMain> =>
  (settings) => {
    const { port1, port2 } = new MessageChannelMain();
    const child = forkUtility(script, settings, 'Uncurl compute');
    child.postMessage({}, [port1]);
    return { child, port: port2 };
  };
