import { parentPort } from 'node:worker_threads';
import { type ConversationAnswer, type ConversationOrder, conversationOrder } from '../tasks/chat/chat-messages.ts';
import { conversationRenderer } from '../tasks/chat/render-conversation.ts';

/** Renders chat templates in a thread of its own, which can always be ended: a template may loop or fill the memory. */

const MAX_WHY = 2_000;

const answerTo = (order: ConversationOrder): ConversationAnswer => {
  const rendered = [];
  let index = -1;
  try {
    const render = conversationRenderer(order);
    for (const messages of order.conversations) {
      index += 1;
      rendered.push(render(messages));
    }
    return { rendered };
  } catch (error) {
    // The package throws plain errors: their message says what a template does.
    return { index, why: (error instanceof Error ? error.message : String(error)).slice(0, MAX_WHY) };
  }
};

if (parentPort === null) throw new Error('chat-worker is started by the engine, not by hand');
const port = parentPort;
port.on('message', (message: unknown) => port.postMessage(answerTo(conversationOrder.parse(message))));
