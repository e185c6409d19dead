import { rm } from 'node:fs/promises';

/**
 * Removes a folder with all that it holds: what worked there was killed with its engine, and may write a moment more.
 */
export const removeFolder = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
