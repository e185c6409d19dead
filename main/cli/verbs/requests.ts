import { resolve } from 'node:path';
import { z } from 'zod';
import { boundedList, boundedText } from '../../contract/bounds.ts';
import type { TextTokenizer } from '../../checkpoint/load-tokenizer.ts';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { present, refuse, WorkbenchError } from '../../contract/errors.ts';
import { produceFileAtomically, writeFileAtomically } from '../../files/write-atomically.ts';
import { encodeRequest } from '../../inference/encode-item.ts';
import type { ScoreRequest, ScoreResult } from '../../inference/model-runner.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { COMPUTE_OPTIONS, madeBy, readEngine } from '../engine-option.ts';
import { OUT_FILE, outFile, parseJson, readPlanOption, readTextFile, readTokenLists } from '../files.ts';
import { withRunner } from '../open-runner.ts';
import { valueOption, type Verb } from '../verb.ts';
import { findModel } from '../subjects.ts';
import { progressOf } from '../terminal.ts';
import { counted } from '../../words/numbers.ts';
import { tensorInMemory, writeSafetensors } from '../../checkpoint/write-safetensors.ts';

const tokens = boundedList(z.number().int().nonnegative());
const request = z.union(
  [
    z.strictObject({ id: boundedText, context: boundedText, continuation: boundedText.min(1) }),
    z.strictObject({ id: boundedText, contextTokens: tokens.min(1), continuationTokens: tokens.min(1) }),
    z.strictObject({ id: boundedText, text: boundedText.min(1) }),
  ],
  { error: 'neither {"id","context","continuation"}, {"id","contextTokens","continuationTokens"} nor {"id","text"}' },
);
type Request = z.infer<typeof request>;

/** Most tokens of all requests of a file together: they are held in memory. */
const MOST_TOKENS = 2 ** 24;

/** Most refused requests that are listed one by one. */
const MAX_NAMED = 10;

const readRequests = async (file: string): Promise<readonly Request[]> => {
  const lines = (await readTextFile(file, 'requests')).split('\n');
  const requests: Request[] = [];
  const seen = new Set<string>();
  let tokenCount = 0;
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const location = `${resolve(file)}, line ${index + 1}`;
    const parsed = parseJson(line, request, location);
    if ('contextTokens' in parsed) tokenCount += parsed.contextTokens.length + parsed.continuationTokens.length;
    if (tokenCount > MOST_TOKENS)
      throw refuse('file-too-large', `${resolve(file)} has more than ${MOST_TOKENS} tokens.`, 'Split the file.');
    if (seen.has(parsed.id))
      throw refuse('duplicate-id', `${location}: id "${parsed.id}" was used before.`, 'Give every request its own id.');
    seen.add(parsed.id);
    requests.push(parsed);
  }
  if (requests.length === 0)
    throw refuse('no-requests', `${resolve(file)} contains no requests.`, 'Write one JSON object a line.');
  return requests;
};

/** Token requests of the pairs; pairs whose continuation has no token of its own are refused, listed by id. */
const encodePairs = async (
  requests: readonly Request[],
  tokenizer: () => Promise<TextTokenizer>,
): Promise<ScoreRequest[]> => {
  const problems: string[] = [];
  const encoded: ScoreRequest[] = [];
  for (const each of requests) {
    if ('contextTokens' in each) encoded.push(each);
    if (!('context' in each)) continue;
    try {
      encoded.push({ id: each.id, ...encodeRequest(await tokenizer(), each.id, each.context, each.continuation) });
    } catch (error) {
      if (!(error instanceof WorkbenchError) || error.code !== 'lost-continuation') throw error;
      problems.push(error.message);
    }
  }
  if (problems.length === 0) return encoded;
  const more = problems.length > MAX_NAMED ? ` And ${problems.length - MAX_NAMED} more.` : '';
  throw refuse(
    'lost-continuation',
    `${problems.length} of ${requests.length} requests cannot be scored. ` +
      `${problems.slice(0, MAX_NAMED).join(' ')}${more}`,
    'Move the boundary of these requests, or leave them out.',
  );
};

export const score: Verb = {
  name: 'score',
  usage: 'MODEL --requests F.jsonl --out F.jsonl [--plan PLAN]',
  summary:
    'Log-likelihood of continuations after their contexts, or of whole texts, as lm-evaluation-harness defines it.',
  positionals: [1, 1],
  options: {
    requests: valueOption(
      'FILE',
      'One {"id","context","continuation"}, {"id","contextTokens","continuationTokens"} or {"id","text"} a line.',
    ),
    plan: valueOption('PLAN', 'Score under this plan.'),
    ...OUT_FILE,
    ...COMPUTE_OPTIONS,
  },
  run: async (reader, host) => {
    const { signal, progress } = host;
    const out = outFile(reader);
    const torch = await readEngine(reader, host);
    const requests = await readRequests(reader.requiredText('requests'));
    const checkpoint = await openCheckpoint(await findModel(host, reader.argument(0)));
    const plan = await readPlanOption(reader.text('plan'), checkpoint.info);
    let loaded: Promise<TextTokenizer> | null = null;
    const tokenizer = (): Promise<TextTokenizer> => (loaded ??= requireTokenizer(checkpoint));
    const pairs = await encodePairs(requests, tokenizer);
    const texts: { id: string; tokens: readonly number[] }[] = [];
    for (const each of requests)
      if ('text' in each) texts.push({ id: each.id, tokens: (await tokenizer()).encode(each.text, true) });
    const control = { signal, onProgress: progressOf(progress, 'scoring') };
    const results = await withRunner(checkpoint, reader, host, {
      plan,
      open: torch?.open,
      compute: async (runner, under) => [
        ...(pairs.length === 0 ? [] : await runner.score(pairs, under, control)),
        ...(texts.length === 0 ? [] : await runner.scoreRolling(texts, under, control)),
      ],
    });
    const byId = new Map(results.map((result): [string, ScoreResult] => [result.id, result]));
    const lines = requests.map(({ id }) => {
      const result = present(byId.get(id), `no score for request "${id}"`);
      return JSON.stringify({ id, logprob: result.logprob, greedy: result.greedy, tokens: result.tokens });
    });
    await writeFileAtomically(out, `${lines.join('\n')}\n`);
    const truncated = results.filter(({ truncatedTokens }) => truncatedTokens > 0).length;
    const note =
      truncated === 0
        ? ''
        : ` ${truncated} contexts were cut on the left to fit the model's ` +
          `${checkpoint.info.maxPositions} positions.`;
    const made = madeBy(torch);
    return {
      document: { out, requests: requests.length, truncated, ...made.document },
      text: `${counted(requests.length, 'score')} written to ${out}.${note}${made.text}`,
    };
  },
};

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
    const sequences = await readTokenLists(reader.requiredText('tokens'));
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
