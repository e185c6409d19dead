import { refuse } from '../../contract/errors.ts';
import type { WorkShare } from '../../jobs/fill-steps.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { withEngine } from '../open-engine.ts';
import { HERE_OPTIONS } from '../machine-options.ts';
import { badValue, type OptionReader, switchOption, valueOption, type Verb, type VerbHost } from '../verb.ts';
import { CONFIRM_OPTION, confirmedCode, findRun, WORKSPACE_OPTION } from '../subjects.ts';

const readShare = (reader: OptionReader): WorkShare => {
  const text = reader.text('share');
  if (text === undefined) return { kind: 'until-empty' };
  if (reader.flag('until-empty'))
    throw refuse('bad-usage', '--share and --until-empty exclude each other.', 'Give one of them.');
  const [, index = '', of = ''] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (!(Number(index) >= 1 && Number(index) <= Number(of))) throw badValue('share', text, 'i/n with i from 1 to n');
  return { kind: 'share', index: Number(index), of: Number(of) };
};

/** Index of this process in its Slurm array, from Slurm's environment. */
const taskOf = (host: VerbHost): number | null => {
  const text = host.environment['SLURM_ARRAY_TASK_ID'] ?? '';
  return /^\d+$/.test(text) ? Number(text) : null;
};

export const work: Verb = {
  name: 'work',
  usage: 'RUN [--share I/N | --until-empty] [--workspace DIR]',
  summary:
    'Computes steps of a sweep next to other processes, without a run of its own: `uncurl resume` then reads them.',
  positionals: [1, 1],
  engine: 'A run goes on with the engine that it was started with.',
  options: {
    share: valueOption('I/N', 'Compute every N-th part, starting with the I-th.'),
    'until-empty': switchOption('Compute parts that no other process computes, until all are done (default).'),
    ...CONFIRM_OPTION,
    ...WORKSPACE_OPTION,
    ...HERE_OPTIONS,
  },
  run: async (reader, host) => {
    const share = readShare(reader);
    const confirmed = confirmedCode(reader);
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    await (await openExistingWorkspace(workspace)).runs.read(run);
    const filled = await withEngine(
      reader,
      host,
      (engine) =>
        engine.fillSteps(run, {
          confirmed,
          share,
          task: taskOf(host),
          signal: host.signal,
          say: (line) => host.say(line),
        }),
      { workspace },
    );
    const { parts, of, computed, reused } = filled;
    return {
      document: { run, ...filled },
      text: `${parts} of ${of} parts of ${run} done here: ${computed} steps computed, ${reused} found on disk.`,
    };
  },
};
