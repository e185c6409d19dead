import { createRunReader, type RunReader } from '../reading/run-reader.ts';
import type { VerbHost } from './verb.ts';

/** A reader of the workspace's runs for the time of one verb. */
export const withReader = async <T>(
  { resources }: Pick<VerbHost, 'resources'>,
  workspace: string,
  use: (reader: RunReader) => Promise<T>,
): Promise<T> => {
  const reader = createRunReader({ workspace, resources });
  try {
    return await use(reader);
  } finally {
    await reader.dispose();
  }
};
