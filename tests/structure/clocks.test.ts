import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, root } from './project-files.ts';

/**
 * Who reads the machine's date as a number, and why: it may be set while a run works, so durations, limits and rests
 * are measured with `performance.now()`. A file that compares dates gets a line here, or is changed.
 */
const DATES: Readonly<Record<string, string>> = {
  'main/checkpoint/model-content.ts': 'beside the times of files',
  'main/cli/verbs/beside.ts': 'names and ages in a workspace, for openWorkspace',
  'main/engine/engine.ts': 'dates of runs, submissions and lines of a log',
  'main/export/export-folder.ts': 'beside the times of files',
  'main/workspace/open-workspace.ts': 'names of runs, and beside the times of files',
  'main/workspace/run-lock.ts': 'beside the heartbeat of another machine',
};

test('no duration is measured by the date, which may be set meanwhile', () => {
  const found = projectFiles().filter(
    (file) =>
      /^(?:main|electron|renderer)\/.*\.tsx?$/.test(file) &&
      /\bDate\.now\b|\bnew Date\(\)\.(?:getTime|valueOf)/.test(readFileSync(path.join(root, file), 'utf8')),
  );
  expect(found).toEqual(Object.keys(DATES));
});
