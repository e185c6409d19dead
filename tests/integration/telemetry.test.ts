import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { OnnxGraph } from '../../main/graph/onnx-graph.ts';
import { TensorProto_DataType as DataType } from '../../main/graph/onnx-messages.ts';
import { temporaryFolder, uncurlWords } from './run-uncurl.ts';

test('onnxruntime neither keeps nor sends facts about its use', async () => {
  const folder = await temporaryFolder();
  /** Runs Node for a user of its own; returns what onnxruntime left in this user's home. */
  const leftBehind = async (user: string, ...words: readonly string[]): Promise<readonly string[]> => {
    const home = path.join(folder, user);
    await mkdir(home);
    await promisify(execFile)(process.execPath, words, {
      // Nothing else: onnxruntime is silent where a variable says that it runs in a build service.
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        UNCURL_SETTINGS: path.join(home, 'settings.json'),
        // Whatever it would send ends at a closed port of this machine.
        https_proxy: 'http://127.0.0.1:9',
      },
    });
    return (await readdir(home, { recursive: true })).filter((name) => /onnxruntime/i.test(name));
  };

  const graph = new OnnxGraph();
  const sum = graph.node('Add', [graph.input('in', DataType.FLOAT, [1]), graph.float(1)]);
  graph.output('out', sum, DataType.FLOAT, [1]);
  const model = path.join(folder, 'add.onnx');
  await writeFile(model, graph.serialise('add').bytes);
  const session = `require('onnxruntime-node').InferenceSession.create(${JSON.stringify(model)})`;
  // Else this test would prove nothing.
  expect(await leftBehind('bare', '-e', session)).not.toEqual([]);

  const [, ...uncurl] = uncurlWords;
  const sweep = ['sweep', 'uncurl-8', '--task', 'add', '--method', 'reap', '--factors', '2', '--limit', '5'];
  expect(await leftBehind('workbench', ...uncurl, ...sweep, '--workspace', path.join(folder, 'workspace'))).toEqual([]);
});
