import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { familyOf } from '../../main/checkpoint/families/families.ts';
import type { TextTokenizer } from '../../main/checkpoint/load-tokenizer.ts';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { encodeRequest } from '../../main/inference/encode-item.ts';
import type { ModelRunner, RunControl } from '../../main/inference/model-runner.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import { openEngineRunner } from '../torch-engine.ts';

const LOGPROB_TOLERANCE = 1e-3;
const ROLLING_RELATIVE_TOLERANCE = 2e-5;

const root = process.env['SCORING'] ?? '';
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
const control: RunControl = { signal: new AbortController().signal };

const modelType = (folder: string): string =>
  z.object({ model_type: z.string() }).parse(JSON.parse(readFileSync(path.join(root, folder, 'config.json'), 'utf8')))
    .model_type;

const request = z.union([
  z.object({ id: z.string(), context: z.string(), continuation: z.string() }),
  z.object({ id: z.string(), contextTokens: z.array(z.number()), continuationTokens: z.array(z.number()) }),
]);
const answer = z.object({ id: z.string(), logprob: z.number(), greedy: z.boolean(), tokens: z.number() });
const rolling = z.object({ id: z.string(), text: z.string(), logprob: z.number() });

const lines = async <T>(folder: string, name: string, schema: z.ZodType<T>): Promise<readonly T[]> =>
  (await readFile(path.join(root, folder, name), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => schema.parse(JSON.parse(line)));

const open = async (folder: string): Promise<{ readonly runner: ModelRunner; readonly tokenizer: TextTokenizer }> => {
  const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, overlayFolder: await temporaryFolder() };
  const runner = await openEngineRunner(await openCheckpoint(path.join(root, folder)), settings);
  onTestFinished(() => runner.dispose());
  if (runner.tokenizer === null) expect.fail('tokenizer.json is missing');
  return { runner, tokenizer: runner.tokenizer };
};

it(`has checkpoints with requests in ${root}`, () => {
  expect(folders.length).toBeGreaterThan(0);
});

const supported = folders.filter((folder) => familyOf(modelType(folder)) !== undefined);
it.each(folders.filter((folder) => !supported.includes(folder)))('%s is of a supported family', (folder) => {
  expect.fail(`the family ${modelType(folder)} is not supported yet`);
});

describe.each(supported)('%s', (folder) => {
  it('scores requests like lm-evaluation-harness', async () => {
    const { runner, tokenizer } = await open(folder);
    const requests = await lines(folder, 'requests.jsonl', request);
    const expected = await lines(folder, 'expected.jsonl', answer);
    const encoded = requests.map((each) =>
      'context' in each ? { id: each.id, ...encodeRequest(tokenizer, each.id, each.context, each.continuation) } : each,
    );
    const results = await runner.score(encoded, null, control);
    const facts = ({ id, greedy, tokens }: z.infer<typeof answer>): unknown => ({ id, greedy, tokens });
    expect(results.map(facts)).toEqual(expected.map(facts));
    const differences = results.map(({ logprob }, index) => Math.abs(logprob - (expected[index]?.logprob ?? NaN)));
    expect(Math.max(...differences)).toBeLessThanOrEqual(LOGPROB_TOLERANCE);
  });

  it('scores texts like lm-evaluation-harness', async () => {
    const { runner, tokenizer } = await open(folder);
    const texts = await lines(folder, 'rolling.jsonl', rolling);
    const results = await runner.scoreRolling(
      texts.map(({ id, text }) => ({ id, tokens: tokenizer.encode(text, true) })),
      null,
      control,
    );
    expect(results.map(({ id }) => id)).toEqual(texts.map(({ id }) => id));
    const differences = results.map(({ logprob }, index) => Math.abs(logprob / (texts[index]?.logprob ?? NaN) - 1));
    expect(Math.max(...differences)).toBeLessThanOrEqual(ROLLING_RELATIVE_TOLERANCE);
  });
});
