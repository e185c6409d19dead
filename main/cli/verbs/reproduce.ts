import { resolve } from 'node:path';
import { torchPrecision } from '../../contract/device.ts';
import { refuse } from '../../contract/errors.ts';
import type { Reproduction } from '../../contract/reproduction.ts';
import type { Engine } from '../../engine/engine.ts';
import { reproductionTables } from '../../figures/compare-tables.ts';
import { fieldSections, ROUNDING_WORDS, section } from '../../reproduction/field-ledger.ts';
import { addRecordedExperiment, addSample, RECORDED_EXPERIMENT, SAMPLE_RUN } from '../../sample/sample-run.ts';
import { circumstances } from '../../words/devices.ts';
import { causeWords } from '../../words/reproduction.ts';
import { runKinds } from '../../contract/run-kinds.ts';
import { openExistingWorkspace, openWorkspace } from '../../workspace/open-workspace.ts';
import { ENGINE_OPTIONS, readTorchChoice, withPython } from '../engine-option.ts';
import { experimentResult } from '../experiment-result.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { MACHINE_OPTIONS } from '../machine-options.ts';
import { type Verb, type VerbResult } from '../verb.ts';
import { CONFIRM_OPTION, confirmedCode, findRun, WORKSPACE_OPTION } from '../subjects.ts';
import { columnsTable } from '../terminal-text.ts';
import { ENGINE_OR_TRAINING_PYTHON, sayArms } from './training.ts';

/** The findings of a reproduction as text: the verdict, then the differences, item by item. */
export const reproductionText = (found: Reproduction): string =>
  [
    found.sentence,
    ...section('Why:', causeWords(found)),
    ...reproductionTables(found, (title, columns, rows) => `${title}:\n${columnsTable(columns, rows)}`),
    ...fieldSections(found.fields),
    ROUNDING_WORDS,
    `First run:  ${circumstances(found.before)}\nSecond run: ${circumstances(found.after)}`,
  ].join('\n\n');

export const reproduce: Verb = {
  name: 'reproduce',
  usage: 'RUN [--workspace DIR] [--confirm CODE]',
  summary:
    'Runs a finished sweep, search or experiment again without its stored steps and says whether every number ' +
    'matches; "sample" and "experiment" are the bundled ones.',
  positionals: [1, 1],
  options: {
    ...ENGINE_OPTIONS,
    ...ENGINE_OR_TRAINING_PYTHON,
    ...CONFIRM_OPTION,
    ...WORKSPACE_OPTION,
    ...MACHINE_OPTIONS,
  },
  run: async (reader, host) => {
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    // The sample can be reproduced wherever there is none yet; any other run must be there before an engine starts.
    if (run === SAMPLE_RUN) await addSample(await openWorkspace(workspace), host.resources);
    if (run === RECORDED_EXPERIMENT) await addRecordedExperiment(await openWorkspace(workspace), host.resources);
    const { kind, device } = await (await openExistingWorkspace(workspace)).runs.read(run);
    const python = reader.text('python');
    const confirmed = confirmedCode(reader);
    const isTorch = reader.text('engine') === 'torch';
    const asked = isTorch ? readTorchChoice(reader) : null;
    const choice = asked === null ? null : await withPython(asked, reader, host);
    // In the precision of the first run, if it had one to choose.
    const precision =
      choice?.precision ?? torchPrecision.parse(device.engine === undefined ? 'float32' : device.precision);
    const torch = choice === null ? undefined : { ...choice, precision };
    if (python !== undefined && !isTorch && kind !== 'experiment')
      throw refuse('bad-usage', `${run} is ${runKinds[kind].words}, which does not use Python.`, 'Leave --python out.');
    const again = async (engine: Engine): Promise<VerbResult> => {
      const asked = { run, confirmed };
      const granted = python === undefined ? null : engine.grantPath(resolve(python));
      const { run: second } =
        kind === 'experiment'
          ? await engine.call('experiment.reproduce', { ...asked, python: granted })
          : await engine.call('run.reproduce', asked);
      host.say(`Run ${second}: "uncurl resume ${second}" goes on with it if it is interrupted.`);
      const unsubscribe = sayArms(engine, second, host);
      try {
        await followRun(engine, second, host);
      } finally {
        unsubscribe();
      }
      if (kind === 'experiment') return experimentResult(engine, second);
      const document = await engine.call('reproduction.read', { run: second });
      return { document, text: reproductionText(document), failed: !document.matches };
    };
    return withEngine(reader, host, again, { workspace, torch });
  },
};
