import { basename } from 'node:path';
import { refuse } from '../contract/errors.ts';
import type { EngineContext } from './engine-context.ts';

/**
 * Takes a model or task off the lists of the workspace; its files stay.
 *
 * @throws WorkbenchError `bundled`.
 */
export const forget = async (
  { bundled, workspace, emit }: Pick<EngineContext, 'bundled' | 'workspace' | 'emit'>,
  kind: 'models' | 'tasks',
  path: string,
): Promise<Record<string, never>> => {
  if ([...bundled[kind].values()].includes(path))
    throw refuse(
      'bundled',
      `${basename(path)} comes with the workbench and stays listed.`,
      'Nothing needs to be done.',
    );
  if (await workspace.library.remove(kind, path)) emit({ type: `${kind}.changed` });
  return {};
};
