import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import { present, refuse } from '../contract/errors.ts';
import { type Positions, positionsText } from '../contract/model.ts';
import { FEWEST_LOOPED, type TextLoop, type WrittenOutcome } from '../contract/outcome.ts';
import type { Sampler } from '../contract/sampling.ts';
import { hasEnded } from '../evaluation/item-answers.ts';
import { samplingDistribution, tokenAt, uniformAt } from '../inference/decoding/sample-token.ts';
import { encodePrompt as encodeWithSpecialTokens } from '../inference/encode-item.ts';
import type { Candidate, DecodingCost, ModelRunner, RowToDecode, RunControl } from '../inference/model-runner.ts';
import { cutAtStops } from '../tasks/generation/stop-rule.ts';
import { strip } from '../tasks/python/python-text.ts';
import { readEndTokens } from './end-tokens.ts';

export interface WritingRequest {
  readonly id: string;
  readonly context: string;
  /** Stop strings, applied in order; none: the text ends with an end token or at its maximum length. */
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  /** Text or token that ends the thinking: the text is what follows its last occurrence. */
  readonly thinkEnd?: string | undefined;
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
interface EncodedPrompt {
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
  /** Decoded without special tokens, after the thinking, and cut at the stop strings; invalid bytes become U+FFFD. */
  readonly text: string;
  /** Every chosen token, including an end token and those of a stop string. */
  readonly tokens: readonly number[];
  readonly stopped: WrittenOutcome['stopped'];
  /** Where the text loops; only for a text that ended by its length. */
  readonly loop: TextLoop | null;
  readonly truncatedTokens: number;
}

/**
 * Makes the prompt as lm-evaluation-harness 0.4 does: encoded with the tokenizer's own special tokens (no second BOS
 * where a chat template wrote one), and cut on the left to the model's positions less `maxNewTokens`. An empty context
 * becomes the BOS (or EOS) token.
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
      `request "${id}": ${maxNewTokens} new tokens leave no room for a prompt; the model has ` +
        `${positionsText(positions)}.`,
      `Ask for fewer than ${maxPositions}.`,
    );
  }
  const encoded = encodeWithSpecialTokens(tokenizer, context);
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
interface PreparedTexts {
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
    if (request === undefined || candidate === undefined) throw new Error(`no row ${row}`);
    const whole = tokenizer.decodeText(tokens);
    const stops = stopsOf(request, ends);
    const isEnded = cutAtStops(whole, stops) !== whole || ends.tokens.has(tokens.at(-1) ?? -1);
    const stopped = cutAtStops(whole, request.until) !== whole ? 'until' : isEnded ? 'end' : 'length';
    const text = cutAtStops(answerAfterThinking(tokenizer, tokens, request.thinkEnd), stops);
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

/**
 * The text after the last end of thinking, as lm-evaluation-harness cuts it: by a single token among the tokens, since
 * a special one is not in the text; else by its text. White space goes from its left. Without an end it is the whole
 * text.
 */
export const answerAfterThinking = (
  tokenizer: Pick<TextTokenizer, 'encode' | 'decodeText'>,
  tokens: readonly number[],
  thinkEnd: string | undefined,
): string => {
  if (thinkEnd === undefined) return tokenizer.decodeText(tokens);
  const [end, ...more] = tokenizer.encode(thinkEnd, false);
  const answer =
    end !== undefined && more.length === 0
      ? tokenizer.decodeText(tokens.slice(tokens.lastIndexOf(end) + 1))
      : (tokenizer.decodeText(tokens).split(thinkEnd).at(-1) ?? '');
  return strip(answer, 'left', null);
};

const placedLoop = (tokens: readonly number[], tokenizer: TextTokenizer): TextLoop | null => {
  const loop = loopOf(tokens);
  return loop === null ? null : { ...loop, character: tokenizer.decodeText(tokens.slice(0, loop.token)).length };
};

const stopsOf = ({ until }: WritingRequest, { text }: TextEnds): readonly string[] =>
  text === null || until.includes(text) ? until : [...until, text];

/** Additional characters examined beyond the longest stop string, since a token may begin within a character. */
const MARGIN = 8;

/**
 * Returns a function that says, after each token, whether the text contains a stop string. It decodes only as many
 * final tokens as the longest string needs, so that the time does not grow with the text.
 */
export const stopWatcher = (
  decode: (tokens: readonly number[]) => string,
  stops: readonly string[],
): ((written: readonly number[]) => boolean) => {
  if (stops.length === 0) return () => false;
  const needed = MARGIN + stops.reduce((longest, { length }) => Math.max(longest, length), 0);
  const holds = (text: string): boolean => stops.some((stop) => text.includes(stop));
  let tail = 4;
  return (written) => {
    // The newest token may be long: the tokens before it must have room for the string.
    while (tail < written.length && decode(written.slice(-tail, -1)).length < needed) tail *= 2;
    // A tail that begins within a character decodes to characters that are not in the whole text.
    return holds(decode(written.slice(-tail))) && (tail >= written.length || holds(decode(written)));
  };
};

/** Longest period in tokens and fewest repeats of a loop. */
const MOST_PERIOD = 64;
const FEWEST_REPEATS = 4;
/** Without a period: the last tokens of which nearly none may be new, and the share of new trigrams below which. */
const STALE_TOKENS = 128;
const STALE_SHARE = 0.1;

/** First token of the longest end of a text that has this period. */
const beginOf = (tokens: readonly number[], period: number): number => {
  let begin = tokens.length - period;
  while (begin > 0 && tokens[begin - 1] === tokens[begin - 1 + period]) begin -= 1;
  return begin;
};

/** Number of trigrams from `begin` on that occur nowhere earlier in the text. */
const newTrigrams = (tokens: readonly number[], begin: number): number => {
  const seen = new Set<string>();
  let found = 0;
  for (let end = 3; end <= tokens.length; end += 1) {
    const trigram = tokens.slice(end - 3, end).join(' ');
    if (end - 3 >= begin && !seen.has(trigram)) found += 1;
    seen.add(trigram);
  }
  return found;
};

/**
 * The loop at the end of generated tokens, or null. A text has looped if its end repeats a period of 1 to 64 tokens at
 * least four times and over at least 32 tokens (the shortest period counts), or if fewer than a tenth of the trigrams
 * in its last 128 tokens are new.
 */
export const loopOf = (tokens: readonly number[]): Omit<TextLoop, 'character'> | null => {
  if (tokens.length < FEWEST_LOOPED) return null;
  for (let period = 1; period <= MOST_PERIOD; period += 1) {
    const token = beginOf(tokens, period);
    if (tokens.length - token >= Math.max(FEWEST_LOOPED, FEWEST_REPEATS * period)) return { token, period };
  }
  const token = tokens.length - STALE_TOKENS;
  const isStale = token >= 0 && newTrigrams(tokens, token) < STALE_SHARE * (STALE_TOKENS - 2);
  return isStale ? { token, period: null } : null;
};

/** A task's judgement of a text. */
export type Judged = Pick<WrittenOutcome, 'filtered' | 'correct'>;

/** A text that ended: `hasEnded` by a stop string or an end token. */
export interface EndedText<Item> {
  readonly item: Item;
  readonly text: string;
  readonly hasEnded: boolean;
}

/**
 * Outcomes of every candidate on every item, by candidate, in the order of `items`: the counterpart of
 * `ModelRunner.evaluate` for written answers. One call takes all candidates, so that they are written together. `judge`
 * is the task's judgement, called once with every text, after the last one has ended.
 *
 * Deterministic: the same arguments give the same outcomes. Throws the errors of `prepareTexts`, `decode` and `judge`.
 */
export const writtenOutcomes = async <Item extends WritingRequest>(
  runner: Pick<ModelRunner, 'decode' | 'checkpoint'>,
  tokenizer: TextTokenizer,
  work: {
    readonly items: readonly Item[];
    readonly candidates: readonly Candidate[];
    readonly ends: TextEnds;
    /** Judgements in the order of the texts. */
    readonly judge: (texts: readonly EndedText<Item>[]) => readonly Judged[] | Promise<readonly Judged[]>;
    /** Draws each token; absent: the likeliest is taken. */
    readonly sampler?: Sampler | undefined;
    /** The candidate whose outcomes also have the tokens. */
    readonly withTokensOf?: string | undefined;
  },
  control: RunControl,
): Promise<ReadonlyMap<string, readonly WrittenOutcome[]>> => {
  const { items, candidates, ends, judge, sampler, withTokensOf } = work;
  const prepared = prepareTexts(
    tokenizer,
    { requests: items, candidates, ends, sampler },
    runner.checkpoint.descriptor,
  );
  const outcomes = new Map(candidates.map(({ key }) => [key, new Array<WrittenOutcome>(items.length)]));
  const ended: EndedText<Item>[] = [];
  const written: { own: WrittenOutcome[]; request: number; outcome: Omit<WrittenOutcome, keyof Judged> }[] = [];
  for await (const { request, candidate, id, text, tokens, stopped, loop, truncatedTokens } of writeTexts(
    runner,
    tokenizer,
    prepared,
    control,
  )) {
    const item = items[request];
    const candidateOutcomes = outcomes.get(candidate);
    if (item === undefined || candidateOutcomes === undefined)
      throw new Error(`no item ${request} of candidate "${candidate}"`);
    ended.push({ item, text, hasEnded: hasEnded({ stopped }) });
    const outcome = {
      kind: 'written' as const,
      id,
      text,
      tokens: tokens.length,
      stopped,
      loop,
      truncatedTokens,
      ...(item.group === undefined ? {} : { group: item.group }),
      ...(candidate === withTokensOf ? { tokenIds: tokens } : {}),
    };
    written.push({ own: candidateOutcomes, request, outcome });
  }
  const judged = await judge(ended);
  for (const [index, { own, request, outcome }] of written.entries()) {
    const verdict = present(judged[index], 'a text without a verdict');
    own[request] = { ...outcome, ...verdict };
  }
  return outcomes;
};

/** Message before decoding starts: bytes that a streamed model reads per step; null for a resident model. */
export const costText = ({ streamed, mostSteps, rowsAtOnce, rows }: DecodingCost, sizeBytes: number): string | null => {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  if (!streamed) return null;
  const side = rowsAtOnce < rows ? `${rowsAtOnce} of ${rows} prompts` : 'all prompts';
  return (
    `The model is larger than the memory budget: each step reads its ${gigabytes(sizeBytes)} for one token of ` +
    `${side}, in ${mostSteps} steps at most (${gigabytes(mostSteps * sizeBytes)}).`
  );
};
