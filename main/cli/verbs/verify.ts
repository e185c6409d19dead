import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { comparesBytesOnly } from '../../contract/export.ts';
import { verifyExport } from '../../export/verify-export.ts';
import { MACHINE_OPTIONS, machineSettings } from '../open-runner.ts';
import { optionReader } from '../option-values.ts';
import { installRecovery, readPlanFile } from '../plan-files.ts';
import { findModel } from '../subjects.ts';
import { textList } from '../text-table.ts';
import { progressOf } from '../terminal.ts';
import type { Verb } from '../verb.ts';

export const verify: Verb = {
  name: 'verify',
  usage: 'DIR --against MODEL --plan PLAN',
  summary: 'Proves that an export is the original pruned by the plan. Exits 1 where it is not.',
  positionals: [1, 1],
  options: {
    against: { type: 'string', value: 'MODEL', help: 'The unpruned original.' },
    plan: { type: 'string', value: 'PLAN', help: 'The plan that was exported.' },
    ...MACHINE_OPTIONS,
  },
  run: async (given, { resources, signal, progress, environment }) => {
    const reader = optionReader(given);
    const checkpoint = await openCheckpoint(await findModel(resources, reader.requiredText('against')));
    const planFile = reader.requiredText('plan');
    const plan = await readPlanFile(planFile, checkpoint.info);
    const exported = resolve(given.positionals[0] ?? '');
    const overlayFolder = await mkdtemp(join(tmpdir(), 'uncurl-overlay-'));
    try {
      await installRecovery({ file: planFile, plan }, overlayFolder, { environment });
      const verification = await verifyExport({
        exported,
        checkpoint,
        plan,
        settings: { ...machineSettings(reader), overlayFolder },
        control: { signal, onProgress: progressOf(progress, 'verifying') },
      });
      const { ok, sequences, tokens, maxLogitDifference, tolerance, sameExperts, sameTensors, problems } = verification;
      const text = [
        textList([
          ['equal', ok ? 'yes' : 'NO'],
          ['tensors', sameTensors ? 'byte for byte what the plan makes of the source' : 'differ'],
          [
            'experts',
            comparesBytesOnly(verification)
              ? 'not run'
              : sameExperts === null
                ? 'not told by a graph'
                : sameExperts
                  ? 'the same for every token'
                  : 'differ',
          ],
          [
            'logits',
            comparesBytesOnly(verification)
              ? 'not computed: a GGUF file is compared byte by byte'
              : `differ by at most ${maxLogitDifference.toExponential(1)} (tolerance ${tolerance.toExponential(0)}) ` +
                `on ${String(sequences)} sequences, ${String(tokens)} tokens`,
          ],
        ]),
        ...problems.map((problem) => `- ${problem}`),
      ].join('\n');
      return { document: verification, text, failed: !ok };
    } finally {
      await rm(overlayFolder, { recursive: true, force: true });
    }
  },
};
