import { copyFile } from 'node:fs/promises';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { type Plan, type PlanRecovery, refitName } from '../../contract/plan.ts';
import { produceFileAtomically, writeFileAtomically } from '../../files/write-atomically.ts';
import { requireRefitOf } from '../../inference/recover-plan.ts';
import { requireCalibration } from '../../jobs/plan-step.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { uniqueNames } from '../../jobs/write-sweep-files.ts';
import { CALIBRATION_OPTIONS, loadNamedTasks } from '../task-options.ts';
import { OUT_FILE, outFile, readPlanFile, weightsBeside } from '../files.ts';
import { HERE_OPTIONS } from '../machine-options.ts';
import { withRunner } from '../open-runner.ts';
import { repeatedOption, valueOption, type Verb } from '../verb.ts';
import { findModel } from '../subjects.ts';
import { printedShare, textTable } from '../terminal-text.ts';
import { progressOf } from '../terminal.ts';

/** The layers of a fit, with what is left of their difference to the unpruned model; nothing without a fit. */
const fitTable = <T extends Pick<PlanRecovery['layers'][number], 'left' | 'heldOut'>>(
  title: string,
  layers: readonly T[],
  changed: (layer: T) => number | null,
): readonly string[] =>
  layers.length === 0
    ? []
    : [
        textTable(
          ['layer', title, 'left on the items of the fit', 'left on held-out items'],
          layers.map((layer, index) => [
            String(index),
            String(changed(layer) ?? 'as it was'),
            printedShare(layer.left),
            printedShare(layer.heldOut),
          ]),
        ),
      ];

export const recover: Verb = {
  name: 'recover',
  usage: 'MODEL --plan PLAN --task T... [--recovery router] --out PLAN',
  summary:
    "Refits the kept experts' down projections, the router's rows or both on calibration items: recovery " +
    'without training.',
  positionals: [1, 1],
  engine:
    'Refits are computed by onnxruntime in float32; `uncurl sweep --engine torch --recovery` measures them in PyTorch.',
  options: {
    plan: valueOption('PLAN', 'Plan that `uncurl plan` wrote, or {"kept": [[...] per MoE layer]}.'),
    task: repeatedOption(
      'T',
      'Task folder, task file or bundled name, whose calibration items to fit on; may be repeated.',
    ),
    recovery: valueOption('WHAT', `What to refit: ${refitName.options.join(', ')} (default experts).`),
    ...CALIBRATION_OPTIONS,
    ...OUT_FILE,
    ...HERE_OPTIONS,
  },
  run: async (reader, host) => {
    const { signal, progress } = host;
    const out = outFile(reader);
    const checkpoint = await openCheckpoint(await findModel(host, reader.argument(0)));
    const { recovery: _earlier, ...bare } = await readPlanFile(reader.requiredText('plan'), checkpoint.info);
    requireRefitOf(bare);
    const tasks = await loadNamedTasks(reader, host);
    tasks.forEach(requireCalibration);
    await requireTokenizer(checkpoint);
    const items = tasks.flatMap(({ calibration }) => calibration);
    const onProgress = progressOf(progress, 'refitting');
    const refit = reader.choice('recovery', refitName.options);
    const asked: Plan = bare;
    const { plan, recovery, weights } = await withRunner(checkpoint, reader, host, {
      compute: async (runner) => {
        const recovered = await runner.recover(asked, items, uniqueNames(tasks), { signal, onProgress }, refit);
        if (recovered.recovery === undefined) throw new Error('a refit without weights');
        const weightsFile = weightsBeside(out, recovered.recovery.weights);
        return { plan: recovered, recovery: recovered.recovery, weights: weightsFile };
      },
      keep: async (made, overlays) => {
        const overlay = await overlays.read(made.recovery.weights);
        if (!overlay.isSound) throw new Error(overlay.why);
        await produceFileAtomically(made.weights, (file) => copyFile(overlay.file, file));
      },
    });
    await writeFileAtomically(out, `${JSON.stringify(plan, null, 1)}\n`);
    const text = [
      ...fitTable('steps of the router', recovery.router ?? [], ({ steps }) => (steps === 0 ? null : steps)),
      ...fitTable('ridge', recovery.layers, ({ lambda }) => lambda),
      `Fitted on ${recovery.tokens} tokens of ${recovery.items} items.`,
      `Written to ${out}, and its weights to ${weights}: keep them together.`,
    ].join('\n');
    return { document: { out, weights, recovery }, text };
  },
};
