import path from 'node:path';
import { compareSweeps, FREQUENCY_IN_FULL } from './compare-sweeps.ts';
import { pythonEnvironment } from './python-environment.ts';
import { bundledTasks } from './shapes.ts';
import { readableOneGigabyteCheckpoint } from './readable-checkpoint.ts';

const engine = ['--engine', 'torch', '--python', pythonEnvironment(), '--precision', 'bfloat16'];
compareSweeps({
    ...FREQUENCY_IN_FULL,
    dtypes: ['bfloat16'],
    title: 'sweep',
    model: await readableOneGigabyteCheckpoint(),
    tasks: ['french','plural'].map((task) => path.join(bundledTasks, task)),
    limit: 40,
    threads: 1,
    rounds: 1,
    engine,
});
