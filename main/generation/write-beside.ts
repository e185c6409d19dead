import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import {
  type BesideColumn,
  type BesideDifference,
  type BesideSettings,
  type BesideTrace,
  type LikelyToken,
  MOST_TRACED,
  type WrittenToken,
} from '../contract/beside.ts';
import { positionsText } from '../contract/model.ts';
import { at, CancelledError, refuse } from '../contract/errors.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { UNPRUNED } from '../contract/sweep.ts';
import { firstDifference, goneExperts } from '../evaluation/beside.ts';
import { type Distributions, distributionsOf, positionFidelity } from '../inference/fidelity.ts';
import type { ModelRunner, RowToDecode, RunControl } from '../inference/model-runner.ts';
import { NO_TOKEN } from '../profile/choice-sample.ts';
import { encodePrompt as encodeWithSpecialTokens } from '../inference/encode-item.ts';
import { tokenReader } from '../profile/token-reader.ts';
import { maxOf } from '../statistics/extremes.ts';
import { readChatTemplate } from '../tasks/chat/chat-template.ts';
import { renderChats } from '../tasks/chat/render-chats.ts';
import { encodePrompt, textEnds } from './write-texts.ts';

/** Likeliest tokens listed where two texts part. */
const MOST_LIKELY = 5;

/** A prompt as a model reads it. */
export interface BesidePrompt {
  readonly context: string;
  readonly tokens: readonly number[];
  /** As asked for, or what the model's positions leave. */
  readonly mostNewTokens: number;
}

/**
 * Makes the prompt, and caps the new tokens at what fits behind it.
 *
 * @throws WorkbenchError `no-chat-template`, any refusal of the template, `prompt-too-long`, `no-prefix-token`.
 */
export const besidePrompt = async (
  { folder, descriptor }: Pick<Checkpoint, 'folder' | 'descriptor'>,
  tokenizer: TextTokenizer,
  { prompt, chat, maxNewTokens }: Pick<BesideSettings, 'prompt' | 'chat' | 'maxNewTokens'>,
  now: Date,
): Promise<BesidePrompt> => {
  const context = chat === true ? await inChat(folder, prompt, now) : prompt;
  const length = Math.max(1, encodeWithSpecialTokens(tokenizer, context).length);
  const room = descriptor.maxPositions - length;
  if (room < 1)
    throw refuse(
      'prompt-too-long',
      `The prompt has ${length} tokens, and one more at least is to follow; the model has ` +
        `${positionsText(descriptor)}.`,
      'Shorten the prompt.',
    );
  const mostNewTokens = Math.min(maxNewTokens, room);
  const request = { id: 'prompt', context, until: [], maxNewTokens: mostNewTokens };
  return { context, tokens: encodePrompt(tokenizer, request, descriptor).tokens, mostNewTokens };
};

const inChat = async (folder: string, prompt: string, now: Date): Promise<string> => {
  const chat = await readChatTemplate(folder);
  if (chat === null)
    throw refuse(
      'no-chat-template',
      `${folder} has no chat template.`,
      'Ask without it, or put its chat_template.jinja into the folder.',
    );
  const asked = { messages: [{ role: 'user' as const, content: prompt }], location: 'the prompt' };
  const rendered = at(await renderChats(chat, [asked], now), 0, 'the prompt was not rendered');
  return rendered.text;
};

export interface BesideWatch {
  readonly control: RunControl;
  /** Once it is aborted, every text ends with its next token. */
  readonly finish?: AbortSignal | undefined;
  /** Called after every new token. */
  readonly wrote: (columns: readonly BesideColumn[]) => void;
}

/** Texts and their first differences, in the order of the plans. */
export interface BesideTexts {
  readonly columns: BesideColumn[];
  readonly differences: (BesideDifference | null)[];
  /** Undefined where its logits would take too much memory. */
  readonly trace: BesideTrace | undefined;
}

/** Most logits of one model's text, of which those of all models are held at once: 128 MB each. */
const MOST_LOGITS = 2 ** 25;

/**
 * Greedy continuations of one prompt by the unpruned model and by plans. The tokens are those that `uncurl generate`
 * writes for each alone. Then the first difference of every plan: both models read the prompt and the tokens before it
 * once more, which gives the probabilities and the unpruned model's routing at its last token. Last the trace: all
 * models read the unpruned model's text.
 *
 * @throws WorkbenchError as `decode`; CancelledError.
 */
export const writeBeside = async (
  runner: ModelRunner,
  tokenizer: TextTokenizer,
  { tokens: prompt, mostNewTokens }: BesidePrompt,
  plans: BesideSettings['plans'],
  { control, finish, wrote }: BesideWatch,
): Promise<BesideTexts> => {
  const ends = (await textEnds(runner.checkpoint.folder, tokenizer)).tokens;
  const reader = tokenReader(tokenizer);
  const read = (token: number, previous: number): WrittenToken => ({ token, text: reader.piece(previous, token).text });
  const candidates = [{ key: '0', plan: null }, ...plans.map(({ plan }, index) => ({ key: String(index + 1), plan }))];
  const columns = [UNPRUNED, ...plans.map(({ name }) => name)].map((name): BesideColumn => ({
    name,
    tokens: [],
    ended: null,
  }));
  const rows = columns.map((column, index): RowToDecode => ({
    tokens: prompt,
    candidate: String(index),
    mostNewTokens,
    isDone: (written) => {
      const token = written.at(-1) ?? NO_TOKEN;
      column.tokens.push(read(token, written.at(-2) ?? prompt.at(-1) ?? NO_TOKEN));
      const isStopped = finish?.aborted === true && written.length < mostNewTokens;
      if (ends.has(token)) column.ended = 'end';
      else if (written.length === mostNewTokens) column.ended = 'length';
      else if (isStopped) column.ended = 'stopped';
      wrote(columns);
      return column.ended !== null;
    },
  }));
  for await (const { row, tokens } of runner.decode(rows, candidates, control))
    if (columns[row]?.tokens.length !== tokens.length) throw new Error(`text ${row} lacks tokens`);

  const likely = async (tokens: readonly number[], plan: Plan | null) => {
    const result = at(await runner.forward([tokens], plan, control, 'last'), 0, 'no logits');
    return { experts: result.experts, likely: likeliest(result.logits, (token) => read(token, tokens.at(-1) ?? 0)) };
  };
  const layers = runner.checkpoint.info.moeLayers;
  const differences: (BesideDifference | null)[] = [];
  for (const [index, { plan }] of plans.entries()) {
    const [firstTokens, otherTokens] = [columns[0]?.tokens ?? [], columns[index + 1]?.tokens ?? []];
    const at = firstDifference(firstTokens, otherTokens);
    if (at === null) {
      differences.push(null);
      continue;
    }
    const before = [...prompt, ...firstTokens.slice(0, at).map(({ token }) => token)];
    const [unpruned, pruned] = [await likely(before, null), await likely(before, plan)];
    const topK = unpruned.experts.length / layers;
    differences.push({
      at,
      unpruned: unpruned.likely,
      pruned: pruned.likely,
      layers: Array.from({ length: layers }, (_, layer) => {
        const experts = [...unpruned.experts.subarray(layer * topK, (layer + 1) * topK)].filter((each) => each >= 0);
        return { experts, gone: [...goneExperts(plan, layer, experts)] };
      }),
    });
  }
  const written = (columns[0]?.tokens ?? []).map(({ token }) => token);
  return { columns, differences, trace: await traceBeside(runner, prompt, written, plans, control) };
};

/** A model at each token of a text: its next-token distribution there, and its experts per MoE layer. */
const readAlong = async (
  runner: ModelRunner,
  prompt: readonly number[],
  written: readonly number[],
  plan: Plan | null,
  control: RunControl,
) => {
  const sequence = [...prompt, ...written.slice(0, -1)];
  const result = at(await runner.forward([sequence], plan, control), 0, 'no logits');
  const { vocabulary } = runner.checkpoint.descriptor;
  const layers = runner.checkpoint.info.moeLayers;
  const topK = result.experts.length / (layers * sequence.length);
  return {
    /** Before the token of this index. */
    distribution: (index: number): Distributions => {
      const row = prompt.length - 1 + index;
      return distributionsOf(result.logits.subarray(row * vocabulary, (row + 1) * vocabulary), vocabulary);
    },
    experts: written.map((_, index) =>
      Array.from({ length: layers }, (__, layer) => {
        const start = (layer * sequence.length + prompt.length - 1 + index) * topK;
        return [...result.experts.subarray(start, start + topK)].filter((expert) => expert >= 0);
      }),
    ),
  };
};

/** The trace of the first tokens of the unpruned model's text, as many as fit. */
const traceBeside = async (
  runner: ModelRunner,
  prompt: readonly number[],
  text: readonly number[],
  plans: BesideSettings['plans'],
  control: RunControl,
): Promise<BesideTrace | undefined> => {
  const room = Math.floor(MOST_LOGITS / runner.checkpoint.descriptor.vocabulary) - prompt.length;
  const written = text.slice(0, Math.max(0, Math.min(MOST_TRACED, room)));
  if (written.length === 0) return undefined;
  const unpruned = await readAlong(runner, prompt, written, null, control);
  const traced = [];
  for (const { plan } of plans) {
    const { distribution, experts } = await readAlong(runner, prompt, written, plan, control);
    const isNumbered = !isMergePlan(plan) && plan.constants === undefined;
    const kl: number[] = [];
    const probabilities: number[] = [];
    traced.push({ distribution, numbers: { kl, probabilities, experts: isNumbered ? experts : null } });
  }
  const probabilities: number[] = [];
  for (const [index, token] of written.entries()) {
    // A large vocabulary takes milliseconds for each token.
    await nextTurn();
    if (control.signal.aborted) throw new CancelledError('The computation');
    const unprunedDistribution = unpruned.distribution(index);
    probabilities.push(unprunedDistribution.probabilities[token] ?? 0);
    for (const { distribution, numbers } of traced) {
      const other = distribution(index);
      numbers.kl.push(positionFidelity([unprunedDistribution, 0], [other, 0]).kl);
      numbers.probabilities.push(other.probabilities[token] ?? 0);
    }
  }
  return { experts: unpruned.experts, probabilities, plans: traced.map(({ numbers }) => numbers) };
};

/** The largest of a softmax over logits [V], in float64; equal ones in the order of their tokens. */
const likeliest = (logits: Float32Array, read: (token: number) => WrittenToken): LikelyToken[] => {
  const most = maxOf(logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  return Array.from(logits, (logit, token) => ({ token, logit }))
    .sort((a, b) => b.logit - a.logit || a.token - b.token)
    .slice(0, MOST_LIKELY)
    .map(({ token, logit }) => ({ ...read(token), probability: Math.exp(logit - most) / sum }));
};
