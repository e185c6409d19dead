import { z } from 'zod';

// What passes between the engine and the thread that renders chat templates.

export const chatMessage = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
export type ChatMessage = z.infer<typeof chatMessage>;

/** A value that a user gives to a template (`enable_thinking`). */
export const templateVariable = z.union([z.boolean(), z.number(), z.string()]);

export const conversationOrder = z.object({
  template: z.string(),
  /** Special tokens by name (`bos_token`). */
  tokens: z.record(z.string(), z.string()),
  variables: z.record(z.string(), templateVariable),
  nowMs: z.number(),
  conversations: z.array(z.array(chatMessage)),
});
export type ConversationOrder = z.infer<typeof conversationOrder>;

export const renderedChat = z.object({
  text: z.string(),
  /** Whether the template refused a system turn, which was then omitted. */
  isWithoutSystem: z.boolean(),
});
export type RenderedChat = z.infer<typeof renderedChat>;

/** All texts, or why the conversation at `index` has none (-1: the template itself cannot be read). */
export const conversationAnswer = z.union([
  z.object({ rendered: z.array(renderedChat) }),
  z.object({ index: z.number(), why: z.string() }),
]);
export type ConversationAnswer = z.infer<typeof conversationAnswer>;
