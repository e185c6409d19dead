import type { MessagePortMain } from 'electron';
import type { EngineProcessSettings } from '../main/contract/engine-control.ts';
import type { ForkedProcess } from './forked-process.ts';
import { forkUtility } from './fork-utility.ts';

/** Starts the bundled engine in Electron's utilityProcess. */
export const forkEngine = (script: string, settings: EngineProcessSettings): ForkedProcess<MessagePortMain> =>
  forkUtility(script, settings, 'Uncurl engine');
