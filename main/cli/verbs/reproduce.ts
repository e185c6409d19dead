import type { Engine } from '../../engine/engine.ts';
import { reproductionText } from '../../reproduction/differences.ts';
import { addSample, SAMPLE_RUN } from '../../sample/sample-run.ts';
import { openExistingWorkspace, openWorkspace } from '../../workspace/open-workspace.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { DEVICE_OPTION, MACHINE_OPTIONS } from '../open-runner.ts';
import { optionReader } from '../option-values.ts';
import { findRun, WORKSPACE_OPTION } from '../subjects.ts';
import type { Verb, VerbResult } from '../verb.ts';

export const reproduce: Verb = {
  name: 'reproduce',
  usage: 'RUN [--workspace DIR]',
  summary:
    'Runs a finished sweep again without its stored steps and says whether every number matches; ' +
    '"sample" is the one that comes along.',
  positionals: [1, 1],
  options: { ...WORKSPACE_OPTION, ...MACHINE_OPTIONS, ...DEVICE_OPTION },
  run: async (given, host) => {
    const reader = optionReader(given);
    const { workspace, run } = findRun(given.positionals[0] ?? '', reader, host);
    // The sample can be reproduced wherever there is none yet; any other run must be there before an engine starts.
    if (run === SAMPLE_RUN) await addSample(await openWorkspace(workspace), host.resources);
    await (await openExistingWorkspace(workspace)).runs.read(run);
    const goOn = async (engine: Engine): Promise<VerbResult> => {
      const { run: second } = await engine.call('run.reproduce', { run });
      host.say(`Run ${second}: "uncurl resume ${second}" goes on with it if it is interrupted.`);
      await followRun(engine, second, host);
      const document = await engine.call('reproduction.read', { run: second });
      return { document, text: reproductionText(document), failed: !document.matches };
    };
    return withEngine(reader, host, goOn, { workspace });
  },
};
