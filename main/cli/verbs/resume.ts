import type { Engine } from '../../engine/engine.ts';
import { reproductionText } from '../../reproduction/differences.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { experimentResult } from '../experiment-result.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { DEVICE_OPTION, MACHINE_OPTIONS } from '../open-runner.ts';
import { optionReader } from '../option-values.ts';
import type { LockHolder } from '../../workspace/run-lock.ts';
import { findRun, WORKSPACE_OPTION } from '../subjects.ts';
import { sweepText } from '../sweep-text.ts';
import type { Verb, VerbResult } from '../verb.ts';
import { damageText } from './damage.ts';

/** What taking a run over may cost, before it is done. */
const risksOf = ({ pid, host }: LockHolder): string =>
  `Taking the run over from process ${String(pid)} on ${host}. If it still lives, both compute the same steps until ` +
  'it next renews its lock, and the manifest and tables are of whoever writes last; finished steps are safe, since ' +
  'each is written whole under a key of its content.';

export const resume: Verb = {
  name: 'resume',
  usage: 'RUN [--workspace DIR] [--take-over]',
  summary: 'Goes on with a run that was interrupted, cancelled or failed: finished steps are not computed again.',
  positionals: [1, 1],
  options: {
    'take-over': {
      type: 'boolean',
      help: 'From an engine that holds the run and is gone, though its lock does not show it.',
    },
    ...WORKSPACE_OPTION,
    ...MACHINE_OPTIONS,
    ...DEVICE_OPTION,
  },
  run: async (given, host) => {
    const reader = optionReader(given);
    const { workspace, run } = findRun(given.positionals[0] ?? '', reader, host);
    // Says what is wrong with a name before an engine starts.
    const { runs } = await openExistingWorkspace(workspace);
    await runs.read(run);
    const takeOver = reader.flag('take-over');
    const holder = takeOver ? await runs.holder(run) : null;
    if (holder !== null) host.say(risksOf(holder));
    const goOn = async (engine: Engine): Promise<VerbResult> => {
      await engine.call('jobs.resume', { run, takeOver });
      const summary = await followRun(engine, run, host);
      const manifest = (await engine.call('runs.list', {})).find(({ id }) => id === run);
      if (manifest?.kind === 'sweep') {
        const document = await engine.call('sweep.read', { run });
        return { document: { ...document, summary }, text: `${sweepText(document)}\n${summary}` };
      }
      if (manifest?.kind === 'reproduce') {
        const found = await engine.call('reproduction.read', { run });
        return { document: found, text: reproductionText(found), failed: !found.matches };
      }
      if (manifest?.kind === 'damage') {
        const document = await engine.call('damage.read', { run });
        return { document: { ...document, summary }, text: `${damageText(document)}\n${summary}` };
      }
      if (manifest?.kind === 'experiment') return experimentResult(engine, run);
      return { document: { run, summary, output: manifest?.output ?? null }, text: summary };
    };
    return withEngine(reader, host, goOn, { workspace });
  },
};
