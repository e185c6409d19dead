import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { refuse } from '../../contract/errors.ts';
import type { TaskItem } from '../../contract/task.ts';
import { isRight } from '../../evaluation/item-answers.ts';
import { exchangeQuestions } from '../../evaluation/without-question.ts';
import type { ModelRunner } from '../../inference/model-runner.ts';
import { mean } from '../../statistics/bootstrap.ts';
import { loadTask } from '../../tasks/load-task.ts';
import { chanceAccuracy } from '../../tasks/task.ts';
import { COMPUTE_OPTIONS, madeBy, readEngine } from '../engine-option.ts';
import { withRunner } from '../open-runner.ts';
import { type Verb } from '../verb.ts';
import { harnessTasks } from '../imported-tasks.ts';
import { findModel, findTasks, TASKS_OPTION, WORKSPACE_OPTION } from '../subjects.ts';
import { textTable } from '../terminal-text.ts';

export const baseline: Verb = {
  name: 'baseline',
  usage: 'MODEL --task T...',
  summary:
    'Shows how much the choices give away: accuracy on the test items with their questions, and with the questions ' +
    'exchanged, next to chance.',
  positionals: [1, 1],
  options: {
    ...TASKS_OPTION,
    ...WORKSPACE_OPTION,
    ...COMPUTE_OPTIONS,
  },
  run: async (reader, host) => {
    const { resources, signal, progress } = host;
    const checkpoint = await openCheckpoint(await findModel(host, reader.argument(0)));
    const paths = await findTasks(resources, reader.texts('task'), harnessTasks(reader, host));
    const tasks = await Promise.all(paths.map((path) => loadTask(path)));
    const accuracy = async (runner: ModelRunner, items: readonly TaskItem[]): Promise<number> => {
      const outcomes = (await runner.evaluate(items, [{ key: 'all', plan: null }], { signal })).get('all') ?? [];
      return mean(outcomes.map((outcome) => (outcome.kind === 'choice' && isRight('acc', outcome) ? 1 : 0)));
    };
    const measureAll = async (runner: ModelRunner) => {
      const measured = [];
      for (const { name, test } of tasks) {
        const exchanged = exchangeQuestions(test);
        const chance = chanceAccuracy(test);
        if (exchanged === null || chance === null)
          throw refuse(
            'no-choices',
            `${name} has no multiple-choice items whose questions could be exchanged.`,
            'Name tasks with choices.',
          );
        progress(`Scoring ${name}`);
        measured.push({
          task: name,
          n: test.length,
          chance,
          accuracy: await accuracy(runner, test),
          withoutQuestion: await accuracy(runner, exchanged),
        });
      }
      return measured;
    };
    const torch = await readEngine(reader, host);
    const rows = await withRunner(checkpoint, reader, host, { open: torch?.open, compute: measureAll });
    const cells = rows.map(({ task, n, ...shares }) => [
      task,
      String(n),
      ...[shares.accuracy, shares.withoutQuestion, shares.chance].map((share) => share.toFixed(3)),
    ]);
    const made = madeBy(torch);
    const table = textTable(['task', 'n', 'accuracy', 'without the question', 'chance'], cells);
    return {
      document: {
        model: checkpoint.name,
        fingerprint: checkpoint.fingerprint,
        sha256: checkpoint.identity,
        tasks: rows,
        ...made.document,
      },
      text: made.text === '' ? table : `${table}\n${made.text.trim()}`,
    };
  },
};
