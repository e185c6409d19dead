import { basename } from 'node:path';
import { type Canaries, describedFitSettings, type FitDocument } from '../../contract/fit.ts';
import { at, refuse } from '../../contract/errors.ts';
import type { Engine } from '../../engine/engine.ts';
import { fitColumns, fitCurve, fitRows } from '../../figures/fit-table.ts';
import { pick } from '../../figures/columns.ts';
import { forecastWords } from '../../evaluation/written-forecast.ts';
import {
  CARD_PRESETS,
  elsewhereWords,
  fitNotes,
  fitsAsItIs,
  fitSentence,
  givenUp,
  limitOf,
  predictionWords,
} from '../../words/fit.ts';
import { CALIBRATION_OPTIONS, CHAT_OPTION, findNamedTasks, grantTasks } from '../task-options.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { MACHINE_OPTIONS, WORKING_MEMORY } from '../machine-options.ts';
import {
  optionReader,
  readSettings,
  repeatedOption,
  settingOptions,
  switchOption,
  valueOption,
  type Verb,
  type VerbResult,
} from '../verb.ts';
import { canaryWords, requireCanaries } from '../../evaluation/canaries.ts';
import { readTextFile } from '../files.ts';
import { harnessTasks } from '../imported-tasks.ts';
import { findModel, findTasks, WORKSPACE_OPTION } from '../subjects.ts';
import { columnsTable, terminalText } from '../terminal-text.ts';

/** The answer of a search in words. `source`: path of the model. */
export const fitText = (document: FitDocument, source: string): string => {
  const { run, recommended } = document;
  const foretold = forecastWords(document).map(terminalText);
  const changed = canaryWords(document).map(terminalText);
  const others = fitCurve(document).map((candidate) => ({ document, candidate }));
  return [
    terminalText(fitSentence(document)),
    ...(recommended === null
      ? []
      : [
          terminalText(givenUp(document)),
          terminalText(fitsAsItIs(document, source) ?? `Export it with: uncurl export ${run} --out DIR`),
        ]),
    '',
    columnsTable(pick(fitColumns, 'part model bytes memory items loss'), fitRows(document)),
    ...(others.length < 2
      ? []
      : ['', 'The best loss for growing bytes:', columnsTable(pick(fitColumns, 'model bytes loss'), others)]),
    ...(document.elsewhere.length === 0 ? [] : ['', ...elsewhereWords(document).map(terminalText)]),
    ...(foretold.length === 0 ? [] : ['', ...foretold]),
    ...(changed.length === 0 ? [] : ['', ...changed]),
    '',
    ...fitNotes(document).map(terminalText),
  ].join('\n');
};

/** The canaries that an option names; undefined for none. */
const readCanaries = async (given: string | undefined): Promise<Canaries | undefined> => {
  if (given === undefined || given === 'ours') return given === undefined ? undefined : { source: given };
  const lines = (await readTextFile(given, 'canaries')).replaceAll('\r\n', '\n').split('\n');
  return requireCanaries({ source: 'own', name: basename(given), lines });
};

/** Options of the machine; `--memory` is here that of the model's place. */
const { memory: _memory, ...machine } = MACHINE_OPTIONS;

export const fit: Verb = {
  name: 'fit',
  usage: 'MODEL --task T (--bytes 8GB | --memory 16GB --context 32k | --card "24 GB") [--format NAME] [--minutes N]',
  summary: 'Finds the best pruned or quantised model that fits into bytes, a memory or a card, and tests it.',
  positionals: [1, 1],
  engine: 'A search computes with onnxruntime, which exports are proven with; leave --engine out.',
  options: {
    task: repeatedOption('T', 'The task that decides: folder, file, bundled name, or name of lm-evaluation-harness.'),
    elsewhere: repeatedOption('T', 'Tasks on which the recommended model is tried too; may be repeated.'),
    bytes: valueOption('SIZE', 'The most bytes of the weight files: 8GB, 512MiB.'),
    memory: valueOption('SIZE', 'The most memory for weights and the keys and values of a context.'),
    card: valueOption('SIZE', `The same of a card, a tenth of which is left free: ${CARD_PRESETS.join(', ')}.`),
    context: valueOption('TOKENS', 'Tokens of the context that --memory and --card hold: 32k (default 4096).'),
    ...settingOptions(describedFitSettings),
    canaries: valueOption(
      'ours|FILE',
      'After the test, says which probes of other skills changed: ours, or the lines of a file (a text, or a ' +
        'context, a tab and its answer).',
    ),
    predict: switchOption('Only says what would be tried, with minutes, bytes and memory.'),
    ...CALIBRATION_OPTIONS,
    ...CHAT_OPTION,
    ...WORKSPACE_OPTION,
    ...machine,
    'working-memory': WORKING_MEMORY,
  },
  run: async (reader, host) => {
    const limit = limitOf({
      bytes: reader.text('bytes'),
      memory: reader.text('memory'),
      card: reader.text('card'),
      context: reader.text('context'),
    });
    const settings = describedFitSettings.parse(readSettings(reader, describedFitSettings));
    // Before a model is downloaded: a wrong name of a task should not wait for that.
    const named = await findNamedTasks(reader, host);
    if (named.length !== 1)
      throw refuse('bad-usage', 'One task decides.', 'Give one --task, and others as --elsewhere.');
    const others = reader.texts('elsewhere');
    const elsewhere = others.length === 0 ? [] : await findTasks(host.resources, others, harnessTasks(reader, host));
    const folder = await findModel(host, reader.argument(0));
    const chat = reader.flag('chat') ? true : undefined;
    const search = async (engine: Engine): Promise<VerbResult> => {
      const task = at(await grantTasks(engine, named), 0, 'a task without a handle');
      const request = {
        model: engine.grantPath(folder),
        task,
        elsewhere: elsewhere.map((path) => engine.grantPath(path)),
        limit,
        chat,
        canaries: await readCanaries(reader.text('canaries')),
        ...settings,
      };
      const prediction = await engine.call('fit.predict', request);
      const foretold = predictionWords(prediction).map(terminalText);
      if (reader.flag('predict')) return { document: prediction, text: foretold.join('\n') };
      foretold.forEach(host.say);
      const { run } = await engine.call('fit.start', request);
      host.say(`Run ${run}: "uncurl resume ${run}" goes on with it if it is interrupted.`);
      const summary = await followRun(engine, run, host);
      const document = await engine.call('fit.read', { run });
      return { document: { ...document, summary }, text: fitText(document, folder) };
    };
    const fitReader = optionReader({
      ...reader,
      options: { ...reader.options, memory: reader.text('working-memory') },
    });
    return withEngine(fitReader, host, search);
  },
};
