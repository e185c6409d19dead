import {
  isTaskDocument,
  resolvedDocument,
  readTaskDocument,
  type TaskDocument,
} from '../tasks/calibration/task-document.ts';
import { actualPath } from '../workspace/library.ts';
import type { EngineContext } from './engine-context.ts';

/** Reads the task document at a path and makes its paths absolute; null for any other task. */
export const taskDocumentAt = async (
  { bundled }: Pick<EngineContext, 'bundled'>,
  path: string,
): Promise<TaskDocument | null> =>
  isTaskDocument(path)
    ? resolvedDocument(path, await readTaskDocument(path), (named) => actualPath(named, bundled.tasks))
    : null;
