import { resolve } from 'node:path';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import { refuse } from '../../contract/errors.ts';
import { comparesBytesOnly } from '../../contract/export.ts';
import type { Plan } from '../../contract/plan.ts';
import { refereeWords, transformersWords } from '../../words/referee.ts';
import { cutsPrediction } from '../../export/check-export.ts';
import { notRunFromWeights } from '../../export/verify-export.ts';
import { verifyFinished } from '../../export/verify-finished.ts';
import { exportSettings } from '../../jobs/export-job.ts';
import { withoutTorch } from '../../torch/open-torch-model.ts';
import { COMPUTE_OPTIONS, madeBy, readEngineBeside, readReferee, REFEREE_OPTIONS } from '../engine-option.ts';
import { machineSettings } from '../machine-options.ts';
import { computeWith } from '../open-runner.ts';
import { valueOption, type Verb } from '../verb.ts';
import { readPlanFile } from '../files.ts';
import { findModel, fitRunNamed, WORKSPACE_OPTION } from '../subjects.ts';
import { textList } from '../terminal-text.ts';
import { progressOf } from '../terminal.ts';

const keptWords = (model: ModelDescriptor, plan: Plan): string =>
  cutsPrediction(model, plan) ? 'kept, experts cut like the last MoE layer' : 'kept unchanged';

export const verify: Verb = {
  name: 'verify',
  usage: 'DIR --against MODEL --plan PLAN [--referee | --engine torch [--referee N --task T...]] | FIT-RUN',
  summary:
    'Proves that an export equals the original pruned by the plan, or that a search was tested after its choice. ' +
    'Exits with 1 if it does not.',
  positionals: [1, 1],
  options: {
    against: valueOption('MODEL', 'The unpruned original.'),
    plan: valueOption('PLAN', 'The plan that was exported.'),
    ...COMPUTE_OPTIONS,
    device: valueOption(
      'NAME',
      'With --engine torch: cpu or cuda:N. onnxruntime verifies on the processor, in float32.',
    ),
    ...REFEREE_OPTIONS,
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    if (fitRunNamed(reader.argument(0))) {
      const decided = ['against', 'plan', 'engine', 'referee'].find((name) => reader.options[name] !== undefined);
      if (decided !== undefined)
        throw refuse('bad-usage', `--${decided} says nothing of a search.`, `Leave --${decided} out.`);
      // Loads the whole engine, which a proof of an export does without.
      const { proveFitted } = await import('../fit-run.ts');
      return proveFitted(reader, host);
    }
    const { signal, progress } = host;
    const checkpoint = await openCheckpoint(await findModel(host, reader.requiredText('against')));
    const planFile = reader.requiredText('plan');
    const plan = await readPlanFile(planFile, checkpoint.info);
    const exported = resolve(reader.argument(0));
    const torch = await readEngineBeside(reader, host, 'verifies');
    const referee = await readReferee(reader, host, torch, checkpoint);
    const obstacle = torch === null ? null : await notRunFromWeights(exported, checkpoint);
    if (obstacle !== null) throw withoutTorch(`verifying ${obstacle}`);
    const control = { signal, onProgress: progressOf(progress, 'verifying') };
    const proof = await computeWith(checkpoint, reader, host, {
      provider: 'cpu',
      open: torch?.open,
      plan: { file: planFile, plan },
      compute: (computing) => {
        const settings = exportSettings(computing, machineSettings(reader));
        return verifyFinished({ exported, checkpoint, plan, settings, control });
      },
    });
    const verification = referee === null || !proof.ok ? proof : { ...proof, ...(await referee(exported)) };
    const { ok, sequences, tokens, maxLogitDifference, tolerance, sameExperts, sameTensors, problems, mtp } =
      verification;
    const text = [
      textList([
        ['equal', ok ? 'yes' : 'NO'],
        ['tensors', sameTensors ? 'byte for byte what the plan makes of the source' : 'differ'],
        [
          'experts',
          comparesBytesOnly(verification)
            ? 'not run'
            : sameExperts === null
              ? 'not available for a graph'
              : sameExperts
                ? 'the same for every token'
                : 'differ',
        ],
        [
          'logits',
          comparesBytesOnly(verification)
            ? 'not computed: a GGUF file is compared byte by byte'
            : `differ by at most ${maxLogitDifference.toExponential(1)} (tolerance ${tolerance.toExponential(0)}) ` +
              `on ${sequences} sequences, ${tokens} tokens`,
        ],
        ...(verification.transformers === undefined
          ? []
          : [['referee', transformersWords(verification.transformers)] as const]),
        ...(mtp === null
          ? []
          : [['prediction layers', mtp === 'drop' ? 'left out' : keptWords(checkpoint.descriptor, plan)] as const]),
      ]),
      ...[...problems, ...(verification.notes ?? [])].map((problem) => `- ${problem}`),
      ...(verification.referee === undefined ? [] : [refereeWords(verification.referee, 'the export')]),
    ].join('\n');
    const made = madeBy(torch);
    return {
      document: { ...verification, ...made.document },
      text: made.text === '' ? text : `${text}\n${made.text.trim()}`,
      failed: !ok,
    };
  },
};
