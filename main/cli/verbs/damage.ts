import type { DamageDocument } from '../../contract/damage.ts';
import { harnessTasks } from '../imported-tasks.ts';
import { refuse } from '../../contract/errors.ts';
import type { Engine } from '../../engine/engine.ts';
import { damageColumns } from '../../figures/compare-tables.ts';
import { CHAT_OPTION } from '../task-options.ts';
import { COMPUTE_OPTIONS, readTorchInUse, sayEngine } from '../engine-option.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { repeatedOption, valueOption, type Verb, type VerbResult } from '../verb.ts';
import { findModel, findTasks, WORKSPACE_OPTION } from '../subjects.ts';
import { truncationSentence } from '../../words/truncation.ts';
import { columnsTable, printedValue } from '../terminal-text.ts';

export const damageText = (document: DamageDocument): string => {
  const { model, task, layer, metric, n, unpruned, results, ranOut } = document;
  return [
    ...(ranOut === undefined ? [] : [truncationSentence({ model, task, ranOut, n })]),
    `${model} on ${task}: ${metric} ${printedValue(unpruned, metric)} on ${n} items with every expert; ` +
      `without one of layer ${layer}:`,
    columnsTable(
      damageColumns(document),
      results.map((result) => ({ ...result, metric })),
    ),
    'Intervals and p are per expert, uncorrected: of twenty experts that change nothing, about one shows a difference.',
  ].join('\n');
};

export const damage: Verb = {
  name: 'damage',
  usage: 'MODEL TASK --layer L [--expert E...]',
  summary: 'Measures what a task loses without one expert: each expert of a layer alone, against the unpruned model.',
  positionals: [2, 2],
  options: {
    layer: valueOption('L', 'MoE layer, counted from 0.'),
    expert: repeatedOption(
      'E',
      'Expert to leave out, counted from 0; may be repeated, each is left out alone (default: every one).',
    ),
    ...CHAT_OPTION,
    ...WORKSPACE_OPTION,
    ...COMPUTE_OPTIONS,
  },
  run: async (reader, host) => {
    const layer = reader.whole('layer', 0);
    if (layer === undefined) throw refuse('bad-usage', '--layer is missing.', 'Give --layer.');
    const experts = reader.wholes('expert');
    const folder = await findModel(host, reader.argument(0));
    const [path] = await findTasks(host.resources, [reader.argument(1)], harnessTasks(reader, host));
    if (path === undefined) throw new Error('a task without a path');
    const torch = await readTorchInUse(reader, host, [folder]);
    const measure = async (engine: Engine): Promise<VerbResult> => {
      const { run } = await engine.call('damage.start', {
        model: engine.grantPath(folder),
        task: engine.grantPath(path),
        layer,
        experts: experts.length === 0 ? undefined : [...experts],
        chat: reader.flag('chat') ? true : undefined,
      });
      host.say(`Run ${run}: "uncurl resume ${run}" goes on with it if it is interrupted.`);
      await sayEngine(engine, run, { reader, host, torch });
      const summary = await followRun(engine, run, host);
      const document = await engine.call('damage.read', { run });
      return { document: { run, ...document, summary }, text: `${damageText(document)}\n${summary}` };
    };
    return withEngine(reader, host, measure, { torch });
  },
};
