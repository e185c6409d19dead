import { refuse } from '../../contract/errors.ts';
import { sweepSettings } from '../../contract/sweep.ts';
import { readComparisons } from '../../runs/read-run.ts';
import { readSweepDocument, withThresholds } from '../../runs/sweep-record.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { compareText } from '../compare-text.ts';
import { findRun } from '../find-run.ts';
import { WORKSPACE_OPTION } from '../open-engine.ts';
import { optionReader } from '../option-values.ts';
import type { Verb } from '../verb.ts';

const MAX_FACTOR = 1e6;

export const compare: Verb = {
  name: 'compare',
  usage: 'RUN [--model NAME] [--factor X] [--reference M] [--workspace DIR]',
  summary:
    'The methods of a sweep against each other: ranks and paired differences per task, for one model and factor.',
  positionals: [1, 1],
  options: {
    model: { type: 'string', value: 'NAME', help: 'Model of the sweep (default: its first).' },
    factor: {
      type: 'string',
      value: 'X',
      help: 'Pruning factor (default: the middle one); the nearest measured one stands for it.',
    },
    reference: {
      type: 'string',
      value: 'M',
      help: 'What differences are to: best (default: the best method of each task), unpruned, or a method.',
    },
    delta: {
      type: 'string',
      value: 'X',
      help: 'Margin of the threshold rule in accuracy (default: that of the sweep).',
    },
    ...WORKSPACE_OPTION,
  },
  run: async (given, host) => {
    const reader = optionReader(given);
    const { workspace, run } = findRun(given.positionals[0] ?? '', reader, host);
    const opened = await openExistingWorkspace(workspace);
    const manifest = await opened.runs.read(run);
    if (manifest.kind !== 'sweep')
      throw refuse('not-a-sweep', `${run} is a ${manifest.kind}, not a sweep.`, 'Choose a sweep.');
    const stored = await readSweepDocument(opened.runs.folder(run));
    if (stored === null)
      throw refuse(
        'nothing-measured',
        `${run} (${manifest.state}) has not measured anything yet.`,
        'Wait for its first point, or resume it.',
      );
    const delta = reader.real('delta', 0.001, 0.5) ?? sweepSettings.shape.delta.parse(manifest.spec['delta']);
    const choice = {
      model: reader.text('model'),
      factor: reader.real('factor', 1, MAX_FACTOR),
      reference: reader.text('reference'),
    };
    const [document] = await readComparisons(opened, withThresholds(stored, delta), [choice]);
    if (document === undefined) throw new Error('a choice without a comparison');
    return { document, text: compareText(document) };
  },
};
