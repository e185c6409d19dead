import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { Plan } from '../contract/plan.ts';
import { curveFacts } from '../engine/calls/exports.ts';
import type { CardFacts } from '../export/model-card.ts';
import { identify } from '../jobs/source-gate.ts';
import { isWorkspace, openExistingWorkspace } from '../workspace/open-workspace.ts';
import { withReader, workspaceOf } from './subjects.ts';
import type { OptionReader, VerbHost } from './verb.ts';

/**
 * What the sweeps of the workspace measured of a plan, for the model card, as the window's export says it; undefined
 * where there is no workspace. Hashes the model's files, if nothing did.
 */
export const measuredFacts = async (
  reader: OptionReader,
  host: VerbHost,
  checkpoint: Checkpoint,
  plan: Plan,
): Promise<CardFacts | undefined> => {
  const folder = workspaceOf(reader, host);
  if (!(await isWorkspace(folder))) return undefined;
  const workspace = await openExistingWorkspace(folder);
  await identify(checkpoint, { signal: host.signal });
  return withReader(host, folder, (runs) => curveFacts({ workspace, reader: runs }, checkpoint, plan));
};
