import { resolve } from 'node:path';
import { importedTasks } from '../../harness/import-tasks.ts';
import { loadTask } from '../../tasks/load-task.ts';
import { bundledTasks } from '../../workspace/library.ts';
import { importNamed } from '../imported-tasks.ts';
import { workspaceOf, WORKSPACE_OPTION } from '../subjects.ts';
import { printedCount, textTable } from '../terminal-text.ts';
import {
  type OptionReader,
  repeatedOption,
  switchOption,
  valueOption,
  type Verb,
  type VerbHost,
  type VerbResult,
} from '../verb.ts';

const MOST_NAMES = 200;

const listing = async (reader: OptionReader, host: VerbHost): Promise<VerbResult> => {
  const bundled = [...(await bundledTasks(host.resources)).keys()].map((name) => ({ name, from: 'bundled' }));
  const imported = (await importedTasks(workspaceOf(reader, host))).map(({ asked, name, version, inPlaceOf }) => ({
    name: asked === name ? name : `${asked}: ${name}`,
    from: `lm-evaluation-harness ${version}${inPlaceOf === undefined ? '' : `, but ${inPlaceOf} in place of it`}`,
  }));
  const document = [...bundled, ...imported];
  return {
    document,
    text: textTable(
      ['task', 'from'],
      document.map(({ name, from }) => [name, from]),
    ),
  };
};

export const importVerb: Verb = {
  name: 'import',
  usage:
    '[NAME|FILE.yaml...] [--include-path DIR] [--run-task-code] [--fewshot K] [--limit N] [--python FILE] ' +
    '[--run-generated-code] [--workspace DIR]',
  summary:
    'Imports tasks and groups of lm-evaluation-harness by name (arc_challenge, mmlu), or own YAML files in its form, ' +
    'with their prompts; without a name: lists the bundled and the imported tasks.',
  positionals: [0, MOST_NAMES],
  options: {
    fewshot: valueOption('K', 'Number of examples in each prompt (default: as the task says; a task of 0 keeps 0).'),
    limit: valueOption('N', 'Only the first N test items of each task.'),
    python: valueOption(
      'FILE',
      'Python with lm-eval 0.4.13 (default: the environment that `uncurl doctor --python` makes in the workspace). ' +
        'It also judges the answers that only a task’s own Python can judge.',
    ),
    'include-path': repeatedOption(
      'DIR',
      'Folder whose YAML files are tasks too, as the option of that name of lm-evaluation-harness; may be repeated.',
    ),
    'run-task-code': switchOption(
      'Run the Python files that own YAML files name (!function). Look at them first: they may do anything you may.',
    ),
    'run-generated-code': switchOption(
      'Also import tasks that are judged by running the programs that a model writes (humaneval, mbpp). A risk: see ' +
        '`uncurl help tasks`.',
    ),
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    if (reader.positionals.length === 0) return listing(reader, host);
    const python = reader.text('python');
    const settings = {
      fewshot: reader.whole('fewshot', 0) ?? null,
      limit: reader.whole('limit', 1) ?? null,
      generatedCode: reader.flag('run-generated-code'),
      include: reader.texts('include-path').map((folder) => resolve(folder)),
      ownPython: reader.flag('run-task-code'),
    };
    const names = reader.positionals.map((name) => (/\.ya?ml$/i.test(name) ? resolve(name) : name));
    const found = await importNamed(names, settings, python === undefined ? null : resolve(python), reader, host);
    const document = [];
    for (const name of names) {
      for (const folder of found.get(name) ?? []) {
        const { name: task, metric, calibration, test, description } = await loadTask(folder);
        const items = { calibration: calibration.length, test: test.length };
        document.push({ asked: name, task, folder, metric, items, description });
      }
    }
    const rows = document.map(({ asked, task, metric, items }) => [
      ...[asked, task, metric, printedCount(items.calibration), printedCount(items.test)],
    ]);
    return { document, text: textTable(['asked for', 'task', 'metric', 'calibration items', 'test items'], rows) };
  },
};
