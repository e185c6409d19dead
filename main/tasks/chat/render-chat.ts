import { refuse } from '../../contract/errors.ts';
import type { PythonDict, PythonValue } from '../python/python-value.ts';
import { renderTemplate } from '../template/render-template.ts';
import { TemplateFault, TemplateRaised } from '../template/template-fault.ts';
import type { WorkMeter } from '../template/work-meter.ts';
import type { ChatTemplate } from './read-chat-template.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface RenderedChat {
  readonly text: string;
  /** Whether the template refused a system turn, which was then omitted. */
  readonly isWithoutSystem: boolean;
}

const attempt = (chat: ChatTemplate, messages: readonly ChatMessage[], now: () => Date, meter: WorkMeter): string => {
  const turns = messages.map(
    ({ role, content }): PythonDict =>
      new Map([
        ['role', role],
        ['content', content],
      ]),
  );
  const row: readonly (readonly [string, PythonValue])[] = [
    ...chat.tokens,
    ['messages', turns],
    ['tools', null],
    ['documents', null],
    ['add_generation_prompt', true],
  ];
  return renderTemplate(chat.template, new Map(row), meter, { isLenient: true, now });
};

/**
 * Renders a conversation as a prompt with a checkpoint's own template, ending with the start of the model's turn. As in
 * lm-evaluation-harness 0.4.13, a template that refuses the conversation is tried again without the system turn. If
 * that fails too, refuses (`bad-chat-template`), naming the template's file and `location`.
 */
export const renderChat = (
  chat: ChatTemplate,
  messages: readonly ChatMessage[],
  location: string,
  now: () => Date,
  meter: WorkMeter,
): RenderedChat => {
  const others = messages.filter(({ role }) => role !== 'system');
  try {
    try {
      return { text: attempt(chat, messages, now, meter), isWithoutSystem: false };
    } catch (error) {
      if (!(error instanceof TemplateRaised) || others.length === messages.length) throw error;
      return { text: attempt(chat, others, now, meter), isWithoutSystem: true };
    }
  } catch (error) {
    throw error instanceof TemplateFault
      ? refuse('bad-chat-template', `${chat.file}, on ${location}: ${error.message}.`, error.remedy, error)
      : error;
  }
};
