import { Worker } from 'node:worker_threads';
import { refuse } from '../../contract/errors.ts';
import { engineProgram } from '../../files/engine-program.ts';
import { noThread, processorMs } from '../../files/process-limits.ts';
import {
  type ChatMessage,
  conversationAnswer,
  type ConversationAnswer,
  type ConversationOrder,
  type RenderedChat,
} from './chat-messages.ts';
import type { ChatTemplate } from './chat-template.ts';

/** A conversation, and what it is called in refusals. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly location: string;
}

/** Limit of the thread's heap. */
const MAX_HEAP_MEGABYTES = 512;
const LOOK_EVERY_MS = 100;
/** CPU time limit, independent of the machine's load; a conversation takes less than a millisecond. */
const PROCESSOR_MS = 2_000;
const PROCESSOR_MS_PER_CONVERSATION = 20;
/** Time limit, ample on a busy machine, for a runtime that reports no CPU time of threads. */
const PATIENCE = 60;
const REMEDY = 'Ask without --chat, or write the template without it.';

/** Asks a thread once. @throws Error with the reason if it does not answer in time or memory. */
const askThread = async (order: ConversationOrder, mostMs: number): Promise<ConversationAnswer> => {
  const worker = new Worker(engineProgram('chat-worker'), {
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MEGABYTES },
  });
  const timers: NodeJS.Timeout[] = [];
  try {
    return await new Promise<ConversationAnswer>((resolve, reject) => {
      const late = (): void => reject(new Error(`it takes more than ${(mostMs / 1000).toFixed(0)} s of CPU time`));
      const look = async (): Promise<void> => {
        if ((await processorMs(worker)) > mostMs) late();
      };
      timers.push(
        setInterval(() => void look(), LOOK_EVERY_MS),
        setTimeout(late, mostMs * PATIENCE),
      );
      worker.once('message', (message: unknown) => {
        const answer = conversationAnswer.safeParse(message);
        if (answer.success) resolve(answer.data);
        else reject(answer.error);
      });
      worker.once('error', (error: unknown) => {
        const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
        reject(
          isMemory
            ? new Error(`it takes more than ${MAX_HEAP_MEGABYTES} MB of memory`)
            : (noThread(error) ?? new Error('its thread failed', { cause: error })),
        );
      });
      worker.once('exit', () => reject(new Error('its thread ended')));
      worker.postMessage(order);
    });
  } finally {
    for (const timer of timers) clearTimeout(timer);
    await worker.terminate();
  }
};

/**
 * Renders conversations as prompts with a checkpoint's own template, each ending with the start of the model's turn: as
 * transformers renders it, or not at all. A template that refuses a system turn is rendered without it. The thread that
 * renders is ended where it takes too much time or memory.
 *
 * @throws WorkbenchError `bad-chat-template`, naming the template's file and the conversation; `no-thread`.
 */
export const renderChats = async (
  { source, tokens, variables, file }: ChatTemplate,
  conversations: readonly Conversation[],
  now: Date,
): Promise<readonly RenderedChat[]> => {
  const order = {
    template: source,
    tokens: { ...tokens },
    variables: { ...variables },
    nowMs: now.getTime(),
    conversations: conversations.map(({ messages }) => [...messages]),
  };
  const mostMs = PROCESSOR_MS + PROCESSOR_MS_PER_CONVERSATION * conversations.length;
  let answer: ConversationAnswer;
  try {
    answer = await askThread(order, mostMs);
  } catch (error) {
    if (!(error instanceof Error) || 'kind' in error) throw error;
    throw refuse('bad-chat-template', `${file}: the chat template cannot be used: ${error.message}.`, REMEDY, error);
  }
  if ('rendered' in answer) return answer.rendered;
  const where = conversations[answer.index]?.location;
  const what = where === undefined ? 'the chat template cannot be used' : `on ${where}`;
  throw refuse('bad-chat-template', `${file}${where === undefined ? ': ' : ', '}${what}: ${answer.why}.`, REMEDY);
};
