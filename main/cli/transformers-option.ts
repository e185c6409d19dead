import { resolve } from 'node:path';
import { type Checkpoint, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import type { TransformersCheck } from '../contract/transformers-check.ts';
import { notRunFromWeights } from '../export/verify-export.ts';
import { checkPython, ownPython } from '../finetune/find-python.ts';
import { createMadeEnvironments } from '../finetune/made-environments.ts';
import { checkedWithTransformers } from '../torch/ask-transformers.ts';
import { KeptChecks } from '../torch/kept-checks.ts';
import { stateFolder } from '../workspace/user-key.ts';
import { machineSettings } from './machine-options.ts';
import { computeWith } from './open-runner.ts';
import { workspaceOf } from './subjects.ts';
import type { OptionReader, VerbHost } from './verb.ts';

/**
 * Compares models with transformers, in the Python that `--python` names, else in the workspace's own.
 *
 * @throws WorkbenchError refused: those of `ownPython` and `checkPython`; later `differs-from-transformers`.
 */
export const readTransformers = async (
  reader: OptionReader,
  host: VerbHost,
): Promise<(checkpoint: Checkpoint) => Promise<TransformersCheck>> => {
  const state = stateFolder(host.settingsFile);
  const named = reader.text('python');
  const { path: python } = await checkPython(
    named === undefined ? await ownPython(workspaceOf(reader, host), createMadeEnvironments(state)) : resolve(named),
    host.resources,
  );
  const here = {
    ...machineSettings(reader),
    resources: host.resources,
    checks: new KeptChecks(state),
    python: () => Promise.resolve(python),
  };
  return async (checkpoint) => {
    host.progress(`Comparing ${checkpoint.name} with transformers`);
    await checkpoint.content.identify({ signal: host.signal });
    return computeWith(checkpoint, reader, host, {
      provider: 'cpu',
      compute: ({ runners }) => checkedWithTransformers(checkpoint, () => runners.open(checkpoint), here, host.signal),
    });
  };
};

/** The same for the folder of an export; what transformers does not run from its weights is not compared. */
export const readExportCheck = async (
  reader: OptionReader,
  host: VerbHost,
  source: Checkpoint,
): Promise<(folder: string) => Promise<TransformersCheck>> => {
  const compare = await readTransformers(reader, host);
  return async (folder) => {
    const obstacle = await notRunFromWeights(folder, source);
    if (obstacle !== null) return { word: 'not compared', why: `it is not asked about ${obstacle}.` };
    return compare(await openCheckpoint(folder));
  };
};
