import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { openCheckpoint, type Checkpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { DropPlan } from '../../main/contract/plan.ts';
import { prepareTexts, textEnds, writeTexts } from '../../main/generation/write-texts.ts';
import type { Candidate, ModelRunner } from '../../main/inference/model-runner.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import { isTorch, openEngineRunner, refusedByTorch, unwrittenByTorch } from '../torch-engine.ts';

/** A token may differ from the reference if the reference's logit exceeds the next one by less than this. */
const TIE = 1e-4;

/** New tokens of a streamed model: the one behind the prompt, and one that reads its keys and values. */
const STREAMED_TOKENS = 2;

const root = process.env['GENERATION'] ?? '';
const checkpoints = process.env['CHECKPOINTS'] ?? '';
const scoring = process.env['SCORING'] ?? '';
const control = { signal: new AbortController().signal };

const namesIn = (folder: string, ending: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(ending))
        .map((name) => path.basename(name, ending))
        .sort()
    : [];

const continuations = z.object({ tokens: z.array(z.array(z.number())), margins: z.array(z.array(z.number())) });
const reference = z.object({
  prompts: z.array(z.array(z.number())),
  newTokens: z.number(),
  unpruned: continuations,
  pruned: continuations,
});
type Continuations = z.infer<typeof continuations>;

const open = async (checkpoint: Checkpoint, streamed: boolean): Promise<ModelRunner> => {
  const runner = await openEngineRunner(checkpoint, {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    streamed,
    overlayFolder: await temporaryFolder(),
  });
  onTestFinished(() => runner.dispose());
  return runner;
};

/** Generated tokens of each candidate for each prompt, all in one batch. */
const write = async (
  runner: ModelRunner,
  { prompts, newTokens }: z.infer<typeof reference>,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, readonly (readonly number[])[]>> => {
  const written = new Map(candidates.map(({ key }) => [key, prompts.map((): readonly number[] => [])]));
  const rows = prompts.flatMap((tokens) =>
    candidates.map(({ key }) => ({ tokens, candidate: key, mostNewTokens: newTokens })),
  );
  for await (const { row, tokens } of runner.decode(rows, candidates, control)) {
    written.get(candidates[row % candidates.length]?.key ?? '')?.splice(Math.floor(row / candidates.length), 1, tokens);
  }
  return written;
};

/** The beginning of the reference: prompts, and the first tokens of each continuation. */
const firstTokens = (whole: z.infer<typeof reference>, newTokens: number): z.infer<typeof reference> => {
  const cut = ({ tokens, margins }: Continuations): Continuations => ({
    tokens: tokens.map((sequence) => sequence.slice(0, newTokens)),
    margins: margins.map((sequence) => sequence.slice(0, newTokens)),
  });
  return { ...whole, newTokens, unpruned: cut(whole.unpruned), pruned: cut(whole.pruned) };
};

/** Expects the same tokens, up to a step that the reference itself marks as a tie. */
const expectSame = (ours: readonly (readonly number[])[] | undefined, { tokens, margins }: Continuations): void => {
  expect(ours?.length).toBe(tokens.length);
  tokens.forEach((wanted, sequence) => {
    const tie = margins[sequence]?.findIndex((margin) => margin < TIE) ?? -1;
    const end = tie < 0 ? wanted.length : tie;
    expect(ours?.[sequence]?.length).toBe(wanted.length);
    expect(ours?.[sequence]?.slice(0, end)).toEqual(wanted.slice(0, end));
  });
};

const names = namesIn(root, '.json');
const textNames = namesIn(path.join(root, 'text'), '.jsonl');

it(`has continuations in ${root}`, () => {
  expect(names.length).toBeGreaterThan(0);
});

it(`has texts in ${root}`, (context) => {
  if (!existsSync(path.join(root, 'text'))) context.skip(`${root} has continuations alone`);
  expect(textNames.length).toBeGreaterThan(0);
});

describe.each(names)('%s', (name) => {
  const load = async () => {
    const checkpoint = await openCheckpoint(path.join(checkpoints, name));
    const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, 'utf8'));
    const kept: DropPlan = z
      .object({ kept: z.array(z.array(z.number())) })
      .parse(await read(path.join(checkpoint.folder, 'kept.json')));
    return { checkpoint, kept, expected: reference.parse(await read(path.join(root, `${name}.json`))) };
  };

  const refusal = unwrittenByTorch.includes(name) ? 'torch-cache' : refusedByTorch[name];
  if (isTorch && refusal !== undefined) {
    it('is refused by the engine torch', async () => {
      const { checkpoint, expected } = await load();
      const written = open(checkpoint, false).then((runner) =>
        write(runner, expected, [{ key: 'unpruned', plan: null }]),
      );
      await expect(written).rejects.toMatchObject({ code: refusal });
    });
    return;
  }

  // Exports: tests/reference/checkpoints.test.ts, and in transformers' own classes tests/interop/checkpoints.test.ts.
  // PyTorch holds whole models, so that none is streamed. A streamed model makes every session anew at each token, so
  // that the prompt and one token behind it are enough; tests/main/inference/decoding/decode.test.ts holds that longer
  // texts are those of a resident model.
  it.each([['resident', false] as const, ...(isTorch ? [] : [['streamed', true] as const])])(
    'writes what transformers writes, unpruned and under a mask side by side, when %s',
    async (_mode, streamed) => {
      const { checkpoint, kept, expected: whole } = await load();
      const expected = streamed ? firstTokens(whole, STREAMED_TOKENS) : whole;
      const written = await write(await open(checkpoint, streamed), expected, [
        { key: 'unpruned', plan: null },
        { key: 'pruned', plan: kept },
      ]);
      expectSame(written.get('unpruned'), expected.unpruned);
      expectSame(written.get('pruned'), expected.pruned);
    },
  );
});

const request = z.object({
  id: z.string(),
  context: z.string(),
  until: z.array(z.string()),
  maxNewTokens: z.number(),
  text: z.string(),
});

describe.each(textNames)('texts of %s', (name) => {
  it('equal those of lm-evaluation-harness', async () => {
    const checkpoint = await openCheckpoint(path.join(scoring, name));
    const lines = (await readFile(path.join(root, 'text', `${name}.jsonl`), 'utf8')).trim().split('\n');
    const expected = lines.map((line) => request.parse(JSON.parse(line)));
    const runner = await open(checkpoint, false);
    const { tokenizer } = runner;
    if (tokenizer === null) expect.fail('tokenizer.json is missing');
    const ends = await textEnds(checkpoint.folder, tokenizer);
    const prepared = prepareTexts(
      tokenizer,
      { requests: expected, candidates: [{ key: 'unpruned', plan: null }], ends },
      checkpoint.descriptor,
    );
    const texts = new Map<string, string>();
    for await (const { id, text } of writeTexts(runner, tokenizer, prepared, control)) texts.set(id, text);
    expect(expected.map(({ id }) => ({ id, text: texts.get(id) }))).toEqual(
      expected.map(({ id, text }) => ({ id, text })),
    );
  });
});
