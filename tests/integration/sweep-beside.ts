// Started by compute.test.ts as a process to be killed: sweeps the bundled model with the computation in a second
// process, and prints the id of that process, then a line per point. Arguments: workspace, resources.
import { forkCompute } from '../../main/compute/start-compute.ts';
import { computeReport } from '../../main/contract/compute.ts';
import { createEngine } from '../../main/engine/engine.ts';

const [, , workspace = '', resources = ''] = process.argv;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const engine = await createEngine({
  workspace,
  resources,
  commandLine: 'test',
  threads: 1,
  startCompute: (settings) => {
    const compute = forkCompute(settings);
    compute.onMessage((message) => {
      const report = computeReport.parse(message);
      if (report.type === 'ready') say(`computes: ${String(report.pid)}`);
    });
    return compute;
  },
});
engine.subscribe((event) => {
  if (event.type === 'sweep.changed' && event.change.what === 'point') say(`point: ${event.change.result.method}`);
});
const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-16');
const tasks = (await engine.call('tasks.list', {})).filter(({ name }) => ['french', 'sort'].includes(name));
if (model === undefined) throw new Error('no bundled model');
const { run } = await engine.call('sweep.start', {
  models: [model.handle],
  tasks: tasks.map(({ handle }) => handle),
  settings: { methods: ['random', 'reap'], factors: [2, 4], seeds: [0], limit: 200 },
});
say(`run: ${run}`);
