import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { ChoiceItem } from '../../../main/contract/task.ts';
import { encodeRequest } from '../../../main/inference/encode-item.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { changeableCopy, checkpointFixture } from '../checkpoint/checkpoint-files.ts';
import { addCharacters, characterOf } from '../export/gguf/llama-models.ts';
import { numberDifference, openRunner, uncancelled } from './open-runner.ts';

const random = seededRandom(3);
const phrase = (length: number): string => Array.from({ length }, () => characterOf(1 + random.integer(90))).join('');

/** Contexts of several lengths with choices of several lengths; one begins with another, one context is one token. */
const itemsAfter = (beginning: string): readonly ChoiceItem[] =>
  [1, 3, 9, 14].map((length, index) => {
    const same = phrase(2);
    return {
      id: `q${String(index)}`,
      context: beginning + phrase(length),
      choices: [same, same + phrase(3), phrase(1), phrase(5)],
      answer: 0,
    };
  });

/** Families for each operator with a state, for indexers and entries, and for what blocks give to later ones. */
const folders = [
  ...['lfm2_moe-fused', 'qwen3_next', 'granitemoehybrid-fused', 'bailing_hybrid', 'nemotron_h-latent'],
  ...['deepseek_v32-sparse', 'glm_moe_dsa-shared', 'deepseek_v4', 'deepseek_v4-fused'],
  ...['gemma4-ple', 'longcat_flash'],
];

it.each(folders)(
  '%s gives choices the numbers of one sequence each, with and without a shared beginning',
  async (name) => {
    const folder = await changeableCopy(checkpointFixture(name));
    await addCharacters(folder);
    const kept = z
      .object({ kept: z.array(z.array(z.number())) })
      .parse(JSON.parse(await readFile(path.join(folder, 'kept.json'), 'utf8')));
    const [runner, streamed] = [await openRunner(folder), await openRunner(folder, { streamed: true })];
    const { tokenizer } = runner;
    if (tokenizer === null) expect.fail('no tokenizer');
    const candidates = [
      { key: 'unpruned', plan: null },
      { key: 'pruned', plan: kept },
    ];
    for (const items of [itemsAfter(''), itemsAfter(phrase(36))]) {
      const together = await runner.evaluate(items, candidates, uncancelled);
      expect(await streamed.evaluate(items, candidates, uncancelled)).toEqual(together);
      const requests = items.flatMap(({ id, context, choices }) =>
        choices.map((choice) => ({ id, ...encodeRequest(tokenizer, id, context, choice) })),
      );
      for (const { key, plan } of candidates) {
        const alone: number[] = [];
        for (const request of requests)
          alone.push(...(await runner.score([request], plan, uncancelled)).map(({ logprob }) => logprob));
        const own = (together.get(key) ?? []).flatMap((outcome) => (outcome.kind === 'choice' ? outcome.logprobs : []));
        expect(numberDifference(own, alone)).toBeLessThanOrEqual(1e-5);
      }
    }
  },
);
