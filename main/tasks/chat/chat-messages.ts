import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from '../../contract/bounds.ts';
import { templateVariable } from '../../contract/chat.ts';

// What passes between the engine and the thread that renders chat templates.

export const chatMessage = z.object({ role: z.enum(['system', 'user', 'assistant']), content: boundedText });
export type ChatMessage = z.infer<typeof chatMessage>;

export const conversationOrder = z.object({
  template: boundedText,
  /** Special tokens by name (`bos_token`). */
  tokens: boundedRecord(boundedText, boundedText),
  variables: boundedRecord(boundedText, templateVariable),
  nowMs: z.number(),
  conversations: boundedList(boundedList(chatMessage)),
});
export type ConversationOrder = z.infer<typeof conversationOrder>;

export const renderedChat = z.object({
  text: boundedText,
  /** Whether the template refused a system turn, which was then omitted. */
  isWithoutSystem: z.boolean(),
});
export type RenderedChat = z.infer<typeof renderedChat>;

/** All texts, or why the conversation at `index` has none (-1: the template itself cannot be read). */
export const conversationAnswer = z.union([
  z.object({ rendered: boundedList(renderedChat) }),
  z.object({ index: z.number(), why: boundedText }),
]);
export type ConversationAnswer = z.infer<typeof conversationAnswer>;
