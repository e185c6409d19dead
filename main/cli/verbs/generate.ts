import { resolve } from 'node:path';
import { type Checkpoint, openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { refuse } from '../../contract/errors.ts';
import { positionsText } from '../../contract/model.ts';
import type { Plan } from '../../contract/plan.ts';
import { nothingToRepeat, readSampler, type Sampler, SAMPLER_PARTS, samplerText } from '../../contract/sampling.ts';
import { writeFileAtomically } from '../../files/write-atomically.ts';
import {
  costText,
  NO_ENDS,
  prepareTexts,
  textEnds,
  writeTexts,
  type WrittenText,
} from '../../generation/write-texts.ts';
import { readEndTokens } from '../../generation/end-tokens.ts';
import { readRequests } from '../../generation/read-requests.ts';
import type { ModelRunner, RowToDecode, RunControl } from '../../inference/model-runner.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { COMPUTE_OPTIONS, madeBy, type NamedEngine, readEngine } from '../engine-option.ts';
import { OUT_FILE, outFile, readPlanOption, readTextFile, readTokenLists } from '../files.ts';
import { withRunner } from '../open-runner.ts';
import { type OptionReader, switchOption, valueOption, type Verb, type VerbHost, type VerbResult } from '../verb.ts';
import { findModel } from '../subjects.ts';
import { progressWithTimeLeft } from '../terminal.ts';
import { counted } from '../../words/numbers.ts';

/** Default of lm-evaluation-harness for tasks that set no limit. */
const DEFAULT_NEW_TOKENS = 256;

/** The model, and the conditions under which it writes. */
interface Work {
  readonly reader: OptionReader;
  readonly checkpoint: Checkpoint;
  readonly host: VerbHost;
  readonly out: string;
  readonly torch: NamedEngine | null;
}

export const generate: Verb = {
  name: 'generate',
  usage: 'MODEL --requests F.jsonl|--tokens F.json --out F.jsonl [--plan PLAN]',
  summary:
    'Writes a continuation of each context: greedy decoding or samples, stopped and cut as in lm-evaluation-harness.',
  positionals: [1, 1],
  options: {
    requests: valueOption(
      'FILE',
      'One {"id","context","until":[...],"maxNewTokens":n} a line; answers {"id","text","tokens","stopped"}.',
    ),
    tokens: valueOption('FILE', 'JSON list of token-id lists to continue; answers {"tokens": [[...]]}.'),
    plan: valueOption('PLAN', 'Write under this plan.'),
    'max-new-tokens': valueOption(
      'N',
      `Tokens to write where a request does not say (default: ${DEFAULT_NEW_TOKENS}).`,
    ),
    sample: valueOption('SAMPLER', `Draw each token ${SAMPLER_PARTS}`),
    repeats: valueOption('N', 'Texts to draw for each request (with --sample; default: 1).'),
    'ignore-end': switchOption('Do not stop at end tokens.'),
    ...OUT_FILE,
    ...COMPUTE_OPTIONS,
  },
  run: async (reader, host) => {
    const out = outFile(reader);
    const [requestsFile, tokensFile] = [reader.text('requests'), reader.text('tokens')];
    if ((requestsFile === undefined) === (tokensFile === undefined)) {
      throw refuse(
        'bad-usage',
        'Give either --requests or --tokens.',
        'Requests hold texts, token lists hold token ids.',
      );
    }
    const torch = await readEngine(reader, host);
    const checkpoint = await openCheckpoint(await findModel(host, reader.argument(0)));
    const work: Work = { reader, checkpoint, host, out, torch };
    return requestsFile === undefined
      ? continueTokens(work, reader.requiredText('tokens'))
      : answerRequests(work, requestsFile);
  },
};

const answerRequests = async (work: Work, file: string): Promise<VerbResult> => {
  const { reader, checkpoint, out } = work;
  const { maxPositions, statedPositions } = checkpoint.descriptor;
  const defaults = {
    maxNewTokens: reader.whole('max-new-tokens', 1) ?? DEFAULT_NEW_TOKENS,
    maxPositions,
    statedPositions,
  };
  const { sampler, repeats } = readSampling(reader);
  const once = readRequests(await readTextFile(file, 'requests'), resolve(file), defaults);
  const requests =
    sampler === undefined
      ? once
      : once.flatMap((request) => Array.from({ length: repeats }, (_, repeat) => ({ ...request, repeat })));
  const tokenizer = await requireTokenizer(checkpoint);
  const ends = reader.flag('ignore-end') ? NO_ENDS : await textEnds(checkpoint.folder, tokenizer);
  const texts = await withModel(work, async (runner, plan, start) => {
    const prepared = prepareTexts(
      tokenizer,
      { requests, candidates: [{ key: CANDIDATE, plan }], ends, sampler },
      defaults,
    );
    const written: WrittenText[] = [];
    for await (const text of writeTexts(runner, tokenizer, prepared, await start(prepared.rows)))
      written[text.request] = text;
    return written;
  });
  const lines = texts.map(({ id, request, text, tokens, stopped }) =>
    JSON.stringify({ id, ...(repeats > 1 ? { repeat: requests[request]?.repeat } : {}), text, tokens, stopped }),
  );
  await writeFileAtomically(out, `${lines.join('\n')}\n`);
  const truncated = texts.filter(({ truncatedTokens }) => truncatedTokens > 0).length;
  const note =
    truncated === 0
      ? ''
      : ` ${truncated} contexts were cut on the left, to leave room for new tokens within the model's ` +
        `${positionsText(defaults)}.`;
  const made = madeBy(work.torch);
  return {
    document: { out, requests: texts.length, truncated, ...samplerField(sampler), ...made.document },
    text: `${counted(texts.length, 'text')} written to ${out}${samplerWords(sampler)}.${note}${made.text}`,
  };
};

const readSampling = (reader: OptionReader): { readonly sampler: Sampler | undefined; readonly repeats: number } => {
  const text = reader.text('sample');
  const repeats = reader.whole('repeats', 1) ?? 1;
  if (text === undefined) {
    if (repeats === 1) return { sampler: undefined, repeats };
    throw nothingToRepeat();
  }
  return { sampler: readSampler(text), repeats };
};

const samplerField = (sampler: Sampler | undefined): { readonly sampler?: Sampler } =>
  sampler === undefined ? {} : { sampler };
const samplerWords = (sampler: Sampler | undefined): string =>
  sampler === undefined ? '' : `, drawn with ${samplerText(sampler)}`;

const continueTokens = async (work: Work, file: string): Promise<VerbResult> => {
  const { reader, checkpoint, out } = work;
  if (reader.text('sample') !== undefined || reader.text('repeats') !== undefined)
    throw refuse(
      'bad-usage',
      'Samples are drawn for requests: the id of a request decides its draws.',
      'Use --requests with --sample, or leave out --sample and --repeats.',
    );
  const prompts = await readTokenLists(file);
  const mostNewTokens = reader.whole('max-new-tokens', 1) ?? DEFAULT_NEW_TOKENS;
  const ends = new Set(reader.flag('ignore-end') ? [] : await readEndTokens(checkpoint.folder));
  const isDone = (written: readonly number[]): boolean => ends.has(written.at(-1) ?? -1);
  const tokens = await withModel(work, async (runner, plan, start) => {
    const rows = prompts.map((prompt): RowToDecode => ({
      tokens: prompt,
      candidate: CANDIDATE,
      mostNewTokens,
      isDone,
    }));
    const written: (readonly number[])[] = [];
    for await (const { row, tokens } of runner.decode(rows, [{ key: CANDIDATE, plan }], await start(rows)))
      written[row] = tokens;
    return written;
  });
  await writeFileAtomically(out, `${JSON.stringify({ tokens })}\n`);
  const made = madeBy(work.torch);
  return {
    document: { out, sequences: tokens.length, ...made.document },
    text: `${counted(tokens.length, 'continuation')} written to ${out}.${made.text}`,
  };
};

const CANDIDATE = 'plan';

type Start = (rows: readonly RowToDecode[]) => Promise<RunControl>;

/** Opens the model under `--plan`; `start` reports the cost of the rows and returns the controls of a run. */
const withModel = async <T>(
  { reader, checkpoint, host, torch }: Work,
  use: (runner: ModelRunner, plan: Plan | null, start: Start) => Promise<T>,
): Promise<T> =>
  withRunner(checkpoint, reader, host, {
    plan: await readPlanOption(reader.text('plan'), checkpoint.info),
    open: torch?.open,
    compute: (runner, plan) =>
      use(runner, plan, async (rows) => {
        const cost = costText(await runner.decodingCost(rows, [{ key: CANDIDATE, plan }]), checkpoint.info.sizeBytes);
        if (cost !== null) host.say(cost);
        return {
          signal: host.signal,
          onProgress: progressWithTimeLeft(host.progress, 'writing', () => performance.now()),
        };
      }),
  });
