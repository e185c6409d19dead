// The fine-tuned arms of the second family: every member as it is and every member cut to the size of a smaller one,
// fine-tuned alike on one task, so that "pruned" can be held against "trained with fewer experts".
//
//     node tune_arms.mjs OUT --python PYTHON [--task NAME] [--method NAME] [--rate X] [--epochs N]
//
// Plans come from the workbench, weights from its export, training from `uncurl finetune`; OUT gets a folder an arm. An
// arm that is there already is not made again. `uncurl sweep switch-8 --candidate NAME=OUT/NAME ...` measures them.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const sizes = [8, 32, 64, 128];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string' },
    task: { type: 'string', default: 'german' },
    method: { type: 'string', default: 'uncurl' },
    rate: { type: 'string', default: '0.0003' },
    epochs: { type: 'string', default: '10' },
  },
});
const [out] = positionals;
if (out === undefined || values.python === undefined) {
  console.error('Usage: node tune_arms.mjs OUT --python PYTHON [--task NAME] [--method NAME] [--rate X] [--epochs N]');
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const at = (name) => path.join(path.resolve(out), name);

const uncurl = (...given) => {
  console.log(`uncurl ${given.join(' ')}`);
  const { status } = spawnSync(process.execPath, [path.join(root, 'main', 'cli', 'uncurl.ts'), ...given], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
};

const tune = (source, name) => {
  if (existsSync(at(name))) return;
  const settings = ['--rate', values.rate, '--epochs', values.epochs, '--threads', '1', '--python', values.python];
  uncurl('finetune', source, '--task', values.task, '--out', at(name), '--workspace', at('workspace'), ...settings);
};

for (const experts of sizes) {
  const profile = at(`switch-${experts}.safetensors`);
  tune(`switch-${experts}`, `switch-${experts}-tuned`);
  for (const kept of sizes.filter((size) => size < experts)) {
    const name = `switch-${experts}-to-${kept}`;
    const plan = at(`${name}.json`);
    if (!existsSync(profile)) uncurl('profile', `switch-${experts}`, '--task', values.task, '--out', profile);
    if (!existsSync(plan))
      uncurl(
        'plan',
        `switch-${experts}`,
        '--profile',
        profile,
        '--method',
        values.method,
        '--keep',
        String(kept),
        '--out',
        plan,
      );
    if (!existsSync(at(name))) uncurl('export', `switch-${experts}`, '--plan', plan, '--out', at(name));
    tune(at(name), `${name}-tuned`);
  }
}
