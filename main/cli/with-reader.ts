import { createRunReader, type RunReader } from '../reading/run-reader.ts';
import { stateFolder } from '../workspace/user-key.ts';
import type { VerbHost } from './verb.ts';

/** A reader of the workspace's runs for the time of one verb. */
export const withReader = async <T>(
  { resources, settingsFile }: Pick<VerbHost, 'resources' | 'settingsFile'>,
  workspace: string,
  use: (reader: RunReader) => Promise<T>,
): Promise<T> => {
  const reader = createRunReader({ workspace, resources, state: stateFolder(settingsFile) });
  try {
    return await use(reader);
  } finally {
    await reader.dispose();
  }
};
