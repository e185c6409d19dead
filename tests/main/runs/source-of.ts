import { fileURLToPath } from 'node:url';
import { openRunSource, type RunSource } from '../../../main/runs/run-source.ts';
import { readPointBlocks } from '../../../main/runs/read-outcomes.ts';
import type { Workspace } from '../../../main/workspace/open-workspace.ts';

export const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

/** The runs of a workspace, read in this thread. */
export const sourceOf = async (workspace: Workspace, bundled?: RunSource['bundled']): Promise<RunSource> => {
  const source = await openRunSource(workspace, resources);
  return bundled === undefined ? source : { ...source, bundled };
};

/** Reads a file of outcomes to its end; returns the number of items, null where there is no such file. */
export const countOutcomes = async (file: string): Promise<number | null> => {
  const blocks = await readPointBlocks(file);
  if (blocks === null) return null;
  let items = 0;
  for await (const { stored } of blocks) items += stored.length;
  return items;
};
