import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import { type Positions, positionsText } from '../contract/model.ts';
import { refuse } from '../contract/errors.ts';
import type { TextLoop, WrittenOutcome } from '../contract/outcome.ts';
import type { Sampler } from '../contract/sampling.ts';
import { samplingDistribution, tokenAt, uniformAt } from '../inference/decoding/sample-token.ts';
import type { Candidate, ModelRunner, RowToDecode, RunControl } from '../inference/model-runner.ts';
import { readEndTokens } from './end-tokens.ts';
import { loopOf } from './loop-of.ts';
import { cutAtStops } from '../tasks/generation/stop-rule.ts';
import { stopWatcher } from './stop-text.ts';

export interface WritingRequest {
  readonly id: string;
  readonly context: string;
  /** Stop strings, applied in order; none: the text ends with an end token or at its maximum length. */
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  /** For a request that is written several times: number of the repeat, from 0, and the item that all repeats share. */
  readonly repeat?: number | undefined;
  readonly group?: string | undefined;
}

/** Conditions that end a text beside its own stop strings. */
export interface TextEnds {
  readonly tokens: ReadonlySet<number>;
  /** The end token as text: a stop string after all others. */
  readonly text: string | null;
}

/** None: every row is written until its own stop strings, or its maximum length. */
export const NO_ENDS: TextEnds = { tokens: new Set(), text: null };

/** Those of a checkpoint: the end tokens named in its folder, and its tokenizer's, which is also a stop string. */
export const textEnds = async (folder: string, { endToken }: Pick<TextTokenizer, 'endToken'>): Promise<TextEnds> => ({
  tokens: new Set([...(await readEndTokens(folder)), ...(endToken === null ? [] : [endToken.id])]),
  text: endToken?.text ?? null,
});

/** A request as tokens. */
export interface EncodedPrompt {
  readonly tokens: readonly number[];
  /** Number of tokens cut from the left to make room for the new ones. */
  readonly truncatedTokens: number;
}

/** One candidate's text for one request. */
export interface WrittenText {
  readonly id: string;
  /** Index of the request in the list, and key of the candidate. */
  readonly request: number;
  readonly candidate: string;
  /** Decoded without special tokens and cut at the stop strings; invalid bytes become U+FFFD. */
  readonly text: string;
  /** Every chosen token, including an end token and those of a stop string. */
  readonly tokens: readonly number[];
  readonly stopped: WrittenOutcome['stopped'];
  /** Where the text loops; only for a text that ended by its length. */
  readonly loop: TextLoop | null;
  readonly truncatedTokens: number;
}

/**
 * Makes the prompt as lm-evaluation-harness 0.4 does: encoded with the tokenizer's own special tokens, and cut on the
 * left to the model's positions less `maxNewTokens`. An empty context becomes the BOS (or EOS) token.
 *
 * @throws WorkbenchError `no-room`, `empty-stop`, `no-prefix-token`, each naming the request.
 */
export const encodePrompt = (
  tokenizer: TextTokenizer,
  { id, context, until, maxNewTokens }: WritingRequest,
  positions: Positions,
): EncodedPrompt => {
  const { maxPositions } = positions;
  if (until.includes(''))
    throw refuse(
      'empty-stop',
      `request "${id}": a stop string is empty.`,
      'Leave it out: every text contains it at its beginning.',
    );
  const room = maxPositions - maxNewTokens;
  if (room < 1) {
    throw refuse(
      'no-room',
      `request "${id}": ${String(maxNewTokens)} new tokens leave no room for a prompt; the model has ` +
        `${positionsText(positions)}.`,
      `Ask for fewer than ${String(maxPositions)}.`,
    );
  }
  const encoded = tokenizer.encode(context, true);
  const all = encoded.length > 0 ? encoded : tokenizer.prefixToken === null ? [] : [tokenizer.prefixToken];
  if (all.length === 0) {
    throw refuse(
      'no-prefix-token',
      `request "${id}": its context is empty, and the tokenizer names neither a BOS nor an EOS token to begin with.`,
      'Give it a context.',
    );
  }
  return { tokens: all.slice(-room), truncatedTokens: Math.max(0, all.length - room) };
};

/** Requests and candidates as rows to decode. */
export interface PreparedTexts {
  readonly requests: readonly WritingRequest[];
  readonly prompts: readonly EncodedPrompt[];
  readonly candidates: readonly Candidate[];
  readonly ends: TextEnds;
  /** Draws each token; absent: the likeliest is taken. */
  readonly sampler?: Sampler | undefined;
  /** One per request and candidate, request by request. */
  readonly rows: readonly RowToDecode[];
}

/** Encodes requests for a model; throws like `encodePrompt`. */
export const prepareTexts = (
  tokenizer: TextTokenizer,
  { requests, candidates, ends, sampler }: Pick<PreparedTexts, 'requests' | 'candidates' | 'ends' | 'sampler'>,
  positions: Positions,
): PreparedTexts => {
  const prompts = requests.map((request) => encodePrompt(tokenizer, request, positions));
  const rows = requests.flatMap((request, index) =>
    candidates.map(({ key }): RowToDecode => {
      const holdsStop = stopWatcher(tokenizer.decodeText, stopsOf(request, ends));
      const isDone = (written: readonly number[]): boolean =>
        ends.tokens.has(written.at(-1) ?? -1) || holdsStop(written);
      const { tokens = [] } = prompts[index] ?? {};
      const choose = sampler === undefined ? {} : { choose: drawing(request, tokens, sampler) };
      return { tokens, candidate: key, mostNewTokens: request.maxNewTokens, isDone, ...choose };
    }),
  );
  return { requests, prompts, candidates, ends, sampler, rows };
};

/** Draws the tokens of a request, the same way for every candidate (`uniformAt`). */
const drawing =
  ({ id, group = id, repeat = 0 }: WritingRequest, prompt: readonly number[], sampler: Sampler) =>
  (logits: Float32Array, written: readonly number[]): number =>
    tokenAt(
      samplingDistribution(logits, [...prompt, ...written], sampler),
      uniformAt(sampler.seed, group, repeat, written.length),
    );

/**
 * Writes each candidate's text for each request and yields it as soon as it ends (in no fixed order). One call serves
 * all items of a task: `request` and `candidate` of a text identify its outcome. Candidates are written together
 * (`decode`).
 */
export async function* writeTexts(
  runner: Pick<ModelRunner, 'decode'>,
  tokenizer: TextTokenizer,
  { requests, prompts, candidates, ends, rows }: PreparedTexts,
  control: RunControl,
): AsyncGenerator<WrittenText> {
  for await (const { row, tokens } of runner.decode(rows, candidates, control)) {
    const number = Math.floor(row / candidates.length);
    const [request, candidate] = [requests[number], candidates[row % candidates.length]];
    if (request === undefined || candidate === undefined) throw new Error(`no row ${String(row)}`);
    const whole = tokenizer.decodeText(tokens);
    const cut = cutAtStops(whole, request.until);
    const text = cutAtStops(whole, stopsOf(request, ends));
    const stopped = cut !== whole ? 'until' : text !== whole || ends.tokens.has(tokens.at(-1) ?? -1) ? 'end' : 'length';
    yield {
      id: request.id,
      request: number,
      candidate: candidate.key,
      text,
      tokens,
      stopped,
      loop: stopped === 'length' ? placedLoop(tokens, tokenizer) : null,
      truncatedTokens: prompts[number]?.truncatedTokens ?? 0,
    };
  }
}

const placedLoop = (tokens: readonly number[], tokenizer: TextTokenizer): TextLoop | null => {
  const loop = loopOf(tokens);
  return loop === null ? null : { ...loop, character: tokenizer.decodeText(tokens.slice(0, loop.token)).length };
};

const stopsOf = ({ until }: WritingRequest, { text }: TextEnds): readonly string[] =>
  text === null || until.includes(text) ? until : [...until, text];
