import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { readChatTemplate } from '../../../main/tasks/chat/chat-template.ts';
import { renderChats } from '../../../main/tasks/chat/render-chats.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { type FuzzedParser, ofFile } from './fuzzed-parser.ts';

const superglue = path.join(import.meta.dirname, '../../fixtures/tasks/superglue');

const chatTemplate = `{%- macro turn(role) -%}[{{ role }}]{%- endmacro -%}
{%- set ns = namespace(count=0) -%}{%- for message in messages -%}{%- set ns.count = ns.count + 1 -%}
{{ turn(message['role']) }} {{ message['content'] | trim }}{%- if not loop.last %}
{% endif -%}{%- endfor -%}{{ ns.count }}{% if add_generation_prompt %}[assistant]{% endif %}`;

/** Each mutation starts a thread. */
const THREADS = 40;

/** Readers of the files of tasks, working in `folderOf(NAME)`. */
export const taskParsers = async (folderOf: (name: string) => Promise<string>): Promise<readonly FuzzedParser[]> => {
  const ofSuperglue = async (name: string): Promise<FuzzedParser> => {
    const folder = await folderOf(`superglue-${name}`);
    await cp(path.join(superglue, name), folder, { recursive: true });
    const sound = await readFile(path.join(superglue, name, 'val.jsonl'));
    return ofFile(folder, `SuperGLUE, ${name}`, 'val.jsonl', sound, (own) => loadTask(own));
  };
  return [
    {
      ...(await ofFile(
        await folderOf('rendered-chat-template'),
        'template of a chat, rendered',
        'chat_template.jinja',
        Buffer.from(chatTemplate),
        async (folder) => {
          const chat = await readChatTemplate(folder);
          if (chat === null) return null;
          const messages = [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: ' Hello ' },
          ] as const;
          return renderChats(chat, [{ messages, location: 'a' }], new Date(0));
        },
      )),
      mutations: THREADS,
    },
    await ofSuperglue('BoolQ'),
    await ofSuperglue('MultiRC'),
    await ofSuperglue('ReCoRD'),
    await ofSuperglue('WSC'),
  ];
};
