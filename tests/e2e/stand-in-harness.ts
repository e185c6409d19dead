/**
 * Stands for a Python with lm-evaluation-harness, which this machine may not have (tests/interop/harness-tasks.test.ts
 * asks the real one): lists three names, and imports one task, in the real scripts' words. It waits as long as a file
 * `hold` lies beside it. The text of a script that can be run.
 */
export const standInHarness = `#!${process.execPath}
const { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const [script, file] = process.argv.slice(2);
const say = (event) => process.stdout.write(JSON.stringify(event) + '\\n');
const common = { output: 'multiple_choice', data: '', dataName: '', test: 'test', calibration: 'train', fewshot: 0,
  metrics: ['acc'], runsPrograms: false };
const entries = [
  { name: 'river_names', kind: 'task', tasks: 1, members: [], ...common },
  { name: 'river_group', kind: 'group', tasks: 2, members: ['river_names', 'river_code'], ...common },
  { name: 'river_code', kind: 'task', tasks: 1, members: [], ...common, output: 'generate_until', runsPrograms: true },
];
const item = (id, answer) => JSON.stringify({ id, context: id + ' is', choices: [' a river', ' a stone'], answer });
const work = () => {
  if (existsSync(path.join(__dirname, 'hold'))) { setTimeout(work, 50); return; }
  if (path.basename(script) === 'list_tasks.py') {
    writeFileSync(file, entries.map((entry) => JSON.stringify(entry)).join('\\n') + '\\n');
    say({ event: 'listed', version: '0.4.13', names: entries.length });
    process.exit(0);
  }
  const { names: [name], out, fewshot, limit } = JSON.parse(readFileSync(file, 'utf8'));
  say({ event: 'building', task: name, index: 0, of: 1 });
  appendFileSync(path.join(__dirname, 'orders'), JSON.stringify({ name, fewshot, limit }) + '\\n');
  const folder = path.join(out, name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'task.json'), JSON.stringify({ name, title: name, description: '', metric: 'acc',
    source: 'made up', licence: 'cc-by-4.0' }));
  const write = (name, lines) => writeFileSync(path.join(folder, name), lines.join('\\n'));
  write('test.jsonl', [item('Rhine', 0), item('Elbe', 0), item('Basalt', 1)]);
  write('calibration.jsonl', [item('Oder', 0), item('Granite', 1)]);
  say({ event: 'written', asked: name, name, folder: name, version: '0.4.13', inPlaceOf: null });
  process.exit(0);
};
say({ event: 'loading' });
work();
`;
