import { resolve } from 'node:path';
import { z } from 'zod';
import { boundedList } from '../../contract/bounds.ts';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { tensorInMemory, writeSafetensors } from '../../checkpoint/write-safetensors.ts';
import { produceFileAtomically } from '../../files/write-atomically.ts';
import { COMPUTE_OPTIONS, madeBy, readEngine } from '../engine-option.ts';
import { OUT_FILE, outFile, parseJson, readPlanOption, readTextFile } from '../files.ts';
import { withRunner } from '../open-runner.ts';
import { valueOption, type Verb } from '../verb.ts';
import { findModel } from '../subjects.ts';
import { progressOf } from '../terminal.ts';
import { counted } from '../../words/numbers.ts';

const tokenLists = boundedList(boundedList(z.number().int().nonnegative()).min(1)).min(1);

export const forward: Verb = {
  name: 'forward',
  usage: 'MODEL --tokens F.json --out F.safetensors [--mask PLAN]',
  summary: 'Logits and router logits of token sequences, for comparing with another implementation.',
  positionals: [1, 1],
  options: {
    tokens: valueOption('FILE', 'JSON list of token-id lists.'),
    mask: valueOption('PLAN', 'Run under this plan: dropped experts are masked, merged ones replaced.'),
    ...OUT_FILE,
    ...COMPUTE_OPTIONS,
  },
  run: async (reader, host) => {
    const { signal, progress } = host;
    const out = outFile(reader);
    const torch = await readEngine(reader, host);
    const tokensFile = reader.requiredText('tokens');
    const sequences = parseJson(await readTextFile(tokensFile, 'tokens'), tokenLists, resolve(tokensFile));
    const checkpoint = await openCheckpoint(await findModel(host, reader.argument(0)));
    const plan = await readPlanOption(reader.text('mask'), checkpoint.info);
    const control = { signal, onProgress: progressOf(progress, 'running') };
    const results = await withRunner(checkpoint, reader, host, {
      plan,
      open: torch?.open,
      compute: (runner, mask) => runner.forward(sequences, mask, control),
    });
    const { vocabulary, moeLayers } = checkpoint.info;
    const tensors = results.flatMap(({ logits, routerLogits }, index) => {
      const tokens = sequences[index]?.length ?? 0;
      // A merge with one router row per group has fewer rows than the model has experts.
      const rows = routerLogits.length / (moeLayers * Math.max(1, tokens));
      return [
        tensorInMemory(`logits.${index}`, 'F32', [tokens, vocabulary], logits),
        tensorInMemory(`router_logits.${index}`, 'F32', [moeLayers, tokens, rows], routerLogits),
      ];
    });
    await produceFileAtomically(out, async (file) => {
      await writeSafetensors(file, tensors, {
        model: checkpoint.name,
        fingerprint: checkpoint.fingerprint,
        sha256: checkpoint.identity,
      });
    });
    const tokens = sequences.reduce((sum, { length }) => sum + length, 0);
    const made = madeBy(torch);
    return {
      document: { out, sequences: sequences.length, tokens, masked: plan !== null, ...made.document },
      text: `${counted(sequences.length, 'sequence')} (${counted(tokens, 'token')}) written to ${out}.${made.text}`,
    };
  },
};
