import { join } from 'node:path';
import { type CalibrationChoice, calibrationAt, type RecordedCalibration } from '../../contract/calibration.ts';
import { calls } from '../../contract/calls.ts';
import { requireAsked } from '../../contract/errors.ts';
import { requireNoCalibration } from '../../tasks/calibration/calibrated-task.ts';
import { calibrate } from '../../tasks/calibration/load-task-document.ts';
import { writeTaskDocument } from '../../tasks/calibration/task-document.ts';
import { recordedPath } from '../../workspace/library.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { taskDocumentAt } from '../task-document-at.ts';
import { entryOf } from './tasks.ts';

type CalibrationCall = 'tasks.calibrate' | 'tasks.tryCalibration';

/** Folder of the workspace that stores the calibration choices. */
const FOLDER = 'tasks';

const chosenPaths = ({ handles }: EngineContext, choice: CalibrationChoice): RecordedCalibration =>
  calibrationAt(choice, (handle) => handles.resolve(handle));

/** The calibration in its stored form: bundled models and tasks by name. */
const recorded = ({ bundled }: EngineContext, calibration: RecordedCalibration): RecordedCalibration =>
  calibration.from === 'task' ? { from: 'task', task: recordedPath(calibration.task, bundled.tasks) } : calibration;

export const calibrationCalls = (context: EngineContext): Pick<Answers, CalibrationCall> => {
  const { workspace, handles } = context;
  /** The file with a task's items: its own path, or the one that its document names. */
  const itemsOf = async (path: string): Promise<string> => (await taskDocumentAt(context, path))?.items ?? path;
  return {
    'tasks.tryCalibration': answer(calls['tasks.tryCalibration'], async ({ handle, choice }) => {
      const base = await context.task(await itemsOf(handles.resolve(handle)));
      const { task, leftOut, groups } = await calibrate(base, chosenPaths(context, choice), context.task);
      return { calibration: task.calibration.length, test: task.test.length, leftOut, groups };
    }),
    'tasks.calibrate': answer(calls['tasks.calibrate'], async ({ handle, choice }, signal) => {
      const from = handles.resolve(handle);
      const items = await itemsOf(from);
      const base = await context.task(items);
      requireNoCalibration(base);
      const calibration = chosenPaths(context, choice);
      // Refuses before anything is written.
      await calibrate(base, calibration, context.task);
      requireAsked(signal);
      const document = { items, calibration: recorded(context, calibration) };
      const path = await writeTaskDocument(join(workspace.path, FOLDER), document, workspace.temporaryFolder);
      const { hash } = await context.task(path);
      const shelf = await workspace.library.list('tasks');
      if (shelf.some((entry) => entry.path === from)) await workspace.library.move('tasks', from, path, hash);
      else await workspace.library.add('tasks', path, hash);
      context.emit({ type: 'tasks.changed' });
      return entryOf(context, path, await workspace.runs.list());
    }),
  };
};
