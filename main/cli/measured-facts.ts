import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { Plan } from '../contract/plan.ts';
import { engineVersion } from '../engine/machine.ts';
import type { CardFacts } from '../export/model-card.ts';
import { isWorkspace } from '../workspace/open-workspace.ts';
import { withEngine } from './open-engine.ts';
import { workspaceOf } from './subjects.ts';
import type { OptionReader, VerbHost } from './verb.ts';

/** What the sweeps of the workspace measured of exactly this plan, for the card; undefined where none did. */
export const measuredFacts = async (
  reader: OptionReader,
  host: VerbHost,
  checkpoint: Checkpoint,
  plan: Plan,
): Promise<CardFacts | undefined> => {
  const workspace = workspaceOf(reader, host);
  if (!(await isWorkspace(workspace))) return undefined;
  const { results } = await withEngine(
    reader,
    host,
    (engine) =>
      engine.call('export.measured', { model: engine.grantPath(checkpoint.folder), plan: { ...plan } }, host.signal),
    { workspace },
  );
  return results.length === 0 ? undefined : { curve: [], measured: results, version: engineVersion };
};
