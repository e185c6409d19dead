import { basename, dirname, resolve } from 'node:path';
import { CALIBRATION_OPTIONS, findNamedTasks, grantTasks } from '../task-options.ts';
import { outFolder } from '../files.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { MACHINE_OPTIONS } from '../machine-options.ts';
import { repeatedOption, valueOption, type Verb } from '../verb.ts';
import { findModel, WORKSPACE_OPTION } from '../subjects.ts';
import { PYTHON_OPTION, readTraining, TRAINING_OPTIONS } from '../training-options.ts';

export const finetune: Verb = {
  name: 'finetune',
  usage: 'MODEL --task T... --out DIR [--stage router,general,all | --stage distil --teacher MODEL] [--python FILE]',
  summary:
    "Trains a model or an export on the tasks' calibration items, in Python with PyTorch and transformers. Resumable.",
  positionals: [1, 1],
  engine: 'Training always runs in PyTorch, in the Python that --python names.',
  options: {
    task: repeatedOption(
      'T',
      'Task folder, task file or bundled name; training uses its calibration items, never its test items.',
    ),
    out: valueOption('DIR', 'Folder to make; it must not exist.'),
    ...CALIBRATION_OPTIONS,
    ...TRAINING_OPTIONS,
    teacher: valueOption(
      'MODEL',
      'The unpruned model, for the stage distil: the routers learn its next-token distributions.',
    ),
    ...PYTHON_OPTION,
    ...WORKSPACE_OPTION,
    ...MACHINE_OPTIONS,
  },
  run: async (reader, host) => {
    const destination = outFolder(reader);
    const folder = await findModel(host, reader.argument(0));
    const tasks = await findNamedTasks(reader, host);
    const settings = readTraining(reader);
    const python = reader.text('python');
    const mixture = reader.text('mixture');
    const named = reader.text('teacher');
    const teacher = named === undefined ? null : await findModel(host, named);
    return withEngine(reader, host, async (engine) => {
      const { run } = await engine.call('finetune.start', {
        model: engine.grantPath(folder),
        tasks: await grantTasks(engine, tasks),
        settings,
        into: engine.grantPath(dirname(destination)),
        name: basename(destination),
        python: python === undefined ? null : engine.grantPath(resolve(python)),
        mixture: mixture === undefined ? null : engine.grantPath(resolve(mixture)),
        teacher: teacher === null ? null : engine.grantPath(teacher),
      });
      host.say(`Run ${run}`);
      const summary = await followRun(engine, run, host);
      return { document: { run, folder: destination, summary }, text: summary };
    });
  },
};
