import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { compileTemplate } from '../../../main/tasks/template/compile-template.ts';
import { renderTemplate } from '../../../main/tasks/template/render-template.ts';
import { WorkMeter } from '../../../main/tasks/template/work-meter.ts';
import { readChatTemplate, renderChat } from '../../../main/tasks/chat/chat-template.ts';
import type { PythonDict, PythonValue } from '../../../main/tasks/python/python-value.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { type FuzzedParser, ofFile, ofText } from './fuzzed-parser.ts';

const superglue = path.join(import.meta.dirname, '../../fixtures/tasks/superglue');

const taskTemplate = `{% set words = question.split(' ') %}{% for word in words if word|length > 2 -%}
{{ loop.index }}. {{ word | upper }}{{ choices['label'][loop.index0 % 2] }}
{% else %}none{% endfor %}{{ (n|int) * 3 // 2 }}{{ choices.text|join(', ') }}{{ 'yes' if label == 1 else "no" }}`;
const chatTemplate = `{%- macro turn(role) -%}[{{ role }}]{%- endmacro -%}
{%- set ns = namespace(count=0) -%}{%- for message in messages -%}{%- set ns.count = ns.count + 1 -%}
{{ turn(message['role']) }} {{ message['content'] | trim }}{%- if not loop.last %}
{% endif -%}{%- endfor -%}{{ ns.count }}{% if add_generation_prompt %}[assistant]{% endif %}`;

/** Written answers, few-shot examples and filters of lm-evaluation-harness. */
const writtenYaml = `task: sums
dataset_path: json
dataset_kwargs: {data_files: {train: a.jsonl, test: b.jsonl}}
training_split: train
fewshot_split: train
test_split: test
output_type: generate_until
num_fewshot: 1
fewshot_config: {sampler: first_n}
description: "Answer the question.\\n"
doc_to_text: "Q: {{question}}\\nA:"
doc_to_target: "{{label}}"
target_delimiter: " "
generation_kwargs: {until: ["\\n"], max_gen_toks: 8, do_sample: false}
filter_list:
  - name: number
    filter: [{function: regex, regex_pattern: "(-?[0-9]+)"}, {function: take_first}]
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
`;

/** Readers of the files of tasks, working in `folderOf(NAME)`. */
export const taskParsers = async (folderOf: (name: string) => Promise<string>): Promise<readonly FuzzedParser[]> => {
  const row: PythonDict = new Map<string, PythonValue>([
    ['question', 'Why is the sky blue'],
    ['n', '4'],
    ['label', 1],
    [
      'choices',
      new Map([
        ['label', ['A', 'B']],
        ['text', ["it's", 'no']],
      ]),
    ],
  ]);
  const written = await folderOf('written-task-of-the-harness');
  for (const [name, label] of [
    ['a', 3],
    ['b', 5],
  ] as const)
    await writeFile(
      path.join(written, `${name}.jsonl`),
      JSON.stringify({ question: `Two and ${String(label)}`, label }),
    );
  const ofSuperglue = async (name: string): Promise<FuzzedParser> => {
    const folder = await folderOf(`superglue-${name}`);
    await cp(path.join(superglue, name), folder, { recursive: true });
    const sound = await readFile(path.join(superglue, name, 'val.jsonl'));
    return ofFile(folder, `SuperGLUE, ${name}`, 'val.jsonl', sound, (own) => loadTask(own));
  };
  return [
    ofText('template of a task', Buffer.from(taskTemplate), (source) =>
      renderTemplate(compileTemplate(source), row, new WorkMeter()),
    ),
    await ofFile(
      await folderOf('rendered-chat-template'),
      'template of a chat, rendered',
      'chat_template.jinja',
      Buffer.from(chatTemplate),
      async (folder) => {
        const chat = await readChatTemplate(folder);
        if (chat === null) return null;
        const turns = [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: ' Hello ' },
        ] as const;
        return renderChat(chat, turns, 'a', () => new Date(0), new WorkMeter());
      },
    ),
    await ofFile(written, 'written task of the harness', 'c.yaml', Buffer.from(writtenYaml), (_, file) =>
      loadTask(file),
    ),
    await ofSuperglue('BoolQ'),
    await ofSuperglue('MultiRC'),
    await ofSuperglue('ReCoRD'),
    await ofSuperglue('WSC'),
  ];
};
