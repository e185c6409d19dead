import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadTaskFolder } from '../../main/tasks/load-task-folder.ts';
import { bundledTasks } from './shapes.ts';

export const SHOTS = 5;
const TASK = 'french';

/** Writes the bundled task with five examples before every item; returns its folder and the contexts of test items. */
export const writeFewShotTask = async (
  folder: string,
): Promise<{ readonly task: string; readonly contexts: readonly string[] }> => {
  const source = path.join(bundledTasks, TASK);
  const [plain, prompted] = [path.join(folder, 'plain'), path.join(folder, `${TASK}-${String(SHOTS)}-shot`)];
  for (const each of [plain, prompted]) mkdirSync(each);
  const metadata = {
    name: path.basename(prompted),
    title: 'five examples',
    metric: 'acc',
    source: 'bundled',
    licence: 'bundled',
  };
  for (const split of ['calibration', 'test'])
    copyFileSync(path.join(source, `${split}.jsonl`), path.join(plain, `${split}.jsonl`));
  writeFileSync(path.join(plain, 'task.json'), JSON.stringify({ ...metadata, fewshot: SHOTS, fewshotDelimiter: '' }));
  const { calibration, test } = await loadTaskFolder(plain);
  writeFileSync(path.join(prompted, 'task.json'), JSON.stringify(metadata));
  for (const [split, items] of Object.entries({ calibration, test })) {
    writeFileSync(path.join(prompted, `${split}.jsonl`), items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  }
  return { task: prompted, contexts: test.map((item) => ('context' in item ? item.context : item.text)) };
};
