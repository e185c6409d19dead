import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { followJobs, readTasks, submitJobs } from '../../../main/cluster/slurm-jobs.ts';
import { readNodes, requireOneKind } from '../../../main/cluster/slurm-nodes.ts';
import { clusterTasks } from '../../../main/cluster/cluster-tasks.ts';
import { shellWord, slurmScript } from '../../../main/cluster/slurm-script.ts';
import { readJobLines, readQueue } from '../../../main/cluster/slurm-state.ts';
import { hasFailed, isActive, taskText } from '../../../main/contract/cluster-text.ts';
import { clusterRequest, type ClusterRequest } from '../../../main/contract/cluster.ts';

// Answers as Slurm 24.11 gave them to an array of three and a joining job.
const QUEUE = JSON.stringify({
  jobs: [
    {
      job_id: 3,
      array_job_id: { set: true, infinite: false, number: 1 },
      array_task_id: { set: true, infinite: false, number: 1 },
      job_state: ['RUNNING'],
      state_reason: 'None',
      nodes: 'vm',
      standard_output: '/logs/worker-1-1.log',
    },
    {
      job_id: 2,
      array_job_id: { set: true, infinite: false, number: 0 },
      array_task_id: { set: false, infinite: false, number: 0 },
      job_state: ['PENDING'],
      state_reason: 'Dependency',
      nodes: '',
      standard_output: '/logs/join-2.log',
    },
  ],
});
const LINES = [
  'JobId=4 ArrayJobId=1 ArrayTaskId=2 JobName=a JobState=FAILED Reason=NonZeroExitCode Dependency=(null) ' +
    'ExitCode=3:0 RunTime=1-02:03:04 NodeList=vm StdErr=/logs/worker-1-2.log StdOut=/logs/worker-1-2.log',
  'JobId=1 ArrayJobId=1 ArrayTaskId=3 JobName=a JobState=COMPLETED Reason=None ExitCode=0:0 NodeList=vm StdOut=/l',
  'JobId=2 JobName=a JobState=CANCELLED Reason=DependencyNeverSatisfied ExitCode=0:9 NodeList= StdOut=/logs/join-2.log',
].join('\n');

const request: ClusterRequest = {
  partition: 'main',
  gres: 'gpu:a100:1',
  constraint: null,
  workers: 4,
  time: '01:00:00',
  processors: 2,
  memory: null,
  setup: ['module load nodejs'],
  host: null,
  command: null,
};

describe('what Slurm tells', () => {
  it('is read from squeue --json and scontrol show job -o', () => {
    expect(readQueue(QUEUE).map(taskText)).toEqual(['task 1 on vm: RUNNING', 'joining job: PENDING (Dependency)']);
    const [failed, completed, cancelled] = readJobLines(LINES);
    if (failed === undefined || completed === undefined || cancelled === undefined) throw new Error('three jobs');
    expect(taskText(failed)).toBe('task 2 on vm: FAILED, exit code 3 (NonZeroExitCode)');
    expect(failed.log).toBe('/logs/worker-1-2.log');
    expect([failed, completed, cancelled].map(hasFailed)).toEqual([true, false, true]);
    expect(taskText(cancelled)).toBe('joining job: CANCELLED, signal 9 (DependencyNeverSatisfied)');
    expect(isActive(completed)).toBe(false);
  });

  it('is looked at until nothing runs any more, and what Slurm forgets stays as it ended', async () => {
    const looks = [LINES, '', LINES];
    const command = (program: string, args: readonly string[]): Promise<string> =>
      Promise.resolve(
        program === 'squeue' ? (looks.length > 1 ? QUEUE : '{"jobs":[]}') : args.includes('1') ? (looks[0] ?? '') : '',
      );
    expect(await readTasks(command, { array: 1, join: 2 })).toHaveLength(4);
    const seen: (readonly string[])[] = [];
    await followJobs(
      command,
      { array: 1, join: 2 },
      {
        signal: new AbortController().signal,
        seen: (tasks) => {
          seen.push((tasks ?? []).map(taskText).sort());
          return Promise.resolve();
        },
        pause: () => {
          looks.shift();
          return Promise.resolve();
        },
      },
    );
    const ended = ['task 2 on vm: FAILED, exit code 3 (NonZeroExitCode)', 'task 3 on vm: COMPLETED, exit code 0'];
    const running = ['joining job: PENDING (Dependency)', 'task 1 on vm: RUNNING'];
    expect(seen[0]).toEqual([...running, ...ended].sort());
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[2]).toEqual(['joining job: CANCELLED, signal 9 (DependencyNeverSatisfied)', ...ended].sort());
  });

  it('is told task by task: those that wait as one wait each, and each with the parts that it has done', () => {
    const waiting = readJobLines(
      'JobId=1 ArrayJobId=1 ArrayTaskId=1,3-4 JobState=PENDING Reason=Resources StdOut=/l/%a',
    );
    const ended = readJobLines(LINES).filter(({ task }) => task === 2);
    const tasks = clusterTasks([...waiting, ...ended], { workers: 4 }, new Map([[2, 5]]));
    expect(tasks.map(taskText)).toEqual([
      'task 1: PENDING (Resources)',
      'task 2 on vm: FAILED, exit code 3 (NonZeroExitCode)',
      'task 3: PENDING (Resources)',
      'task 4: PENDING (Resources)',
      'joining job: UNKNOWN',
    ]);
    expect(tasks.map(({ parts }) => parts)).toEqual([0, 5, 0, 0, null]);
    expect(tasks.map(({ log }) => log)).toEqual([null, '/logs/worker-1-2.log', null, null, null]);
    expect(tasks[1]?.elapsedMs).toBe(((26 * 60 + 3) * 60 + 4) * 1000);
  });
});

describe('what a user asks of a cluster', () => {
  it('cannot become another option of sbatch or ssh', () => {
    expect(clusterRequest.parse({}).workers).toBe(1);
    for (const wrong of [
      { host: '-oProxyCommand=touch /tmp/x' },
      { host: 'login node' },
      { partition: 'main\n#SBATCH --uid=0' },
      { gres: 'gpu:1 --wrap=x' },
      { setup: ['module load a\nmodule load b'] },
      { workers: 0 },
    ])
      expect(clusterRequest.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
    expect(
      clusterRequest.safeParse({ host: 'me@login.cluster', partition: 'gpu,long', time: '1-00:00:00' }).success,
    ).toBe(true);
  });
});

describe('an array on mixed hardware', () => {
  const nodes = readNodes('n1|avx512|gpu:a100:4(S:0-1)\nn2|avx512|gpu:a100:8(S:0)\nn3|avx2|gpu:v100:2\nn1|avx512|x');

  it('is refused before it starts, naming the nodes', () => {
    expect(nodes.map(({ name, resources }) => [name, resources])).toEqual([
      ['n1', 'gpu:a100'],
      ['n2', 'gpu:a100'],
      ['n3', 'gpu:v100'],
    ]);
    expect(() => requireOneKind(nodes, { ...request, gres: 'gpu:1' })).toThrow(
      'n1, n2 (avx512 gpu:a100); n3 (avx2 gpu:v100)',
    );
    expect(() => requireOneKind(nodes, { ...request, gres: null })).toThrow('different hardware');
  });

  it('is not, where one kind is named or all nodes are alike', () => {
    requireOneKind(nodes, { ...request, gres: 'gpu:1', constraint: 'avx512' });
    requireOneKind(nodes.slice(0, 2), { ...request, gres: 'gpu:1' });
    requireOneKind(readNodes('vm|(null)|(null)'), { ...request, gres: null });
  });

  it('is refused where a named kind of GPU sits in nodes of different features', () => {
    const mixed = readNodes('n1|avx512|gpu:a100:4\nn2|avx2|gpu:a100:4');
    expect(() => requireOneKind(mixed, request)).toThrow('n1 (avx512); n2 (avx2)');
  });
});

describe('the batch script', () => {
  it('says what it does, and holds every option and line that was asked for', () => {
    expect(slurmScript('sweep-1', '/shared/my work', 'node uncurl.ts', request)).toBe(
      [
        '#!/bin/bash',
        '# Works on the sweep sweep-1: "work" fills its steps, one task of the array each; "join" makes the run of them.',
        '#SBATCH --job-name=sweep-1',
        '#SBATCH --partition=main',
        '#SBATCH --gres=gpu:a100:1',
        '#SBATCH --time=01:00:00',
        '#SBATCH --cpus-per-task=2',
        'set -euo pipefail',
        'module load nodejs',
        'case "$1" in',
        "  work) exec node uncurl.ts work sweep-1 --until-empty --workspace '/shared/my work' --threads 2 ;;",
        "  join) exec node uncurl.ts resume sweep-1 --workspace '/shared/my work' --threads 2 ;;",
        'esac',
        '',
      ].join('\n'),
    );
  });

  it('quotes every word so that a shell gives it back', () => {
    const words = fc.array(
      fc.string({ maxLength: 12 }).filter((word) => !word.includes('\0')),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(words, (list) => {
        const line = `printf '%s\\0' ${list.map(shellWord).join(' ')}`;
        const { stdout } = spawnSync('sh', ['-c', list.length === 0 ? 'true' : line], { encoding: 'utf8' });
        expect(stdout).toBe(list.map((word) => `${word}\0`).join(''));
      }),
      { numRuns: 40 },
    );
  });
});

describe('a submission', () => {
  it('whose joining job is refused takes its array back', async () => {
    const told: string[] = [];
    const command = (program: string, args: readonly string[]): Promise<string> => {
      told.push([program, ...args].join(' '));
      if (program === 'scancel') return Promise.resolve('');
      return args.at(-1) === 'work' ? Promise.resolve('17\n') : Promise.reject(new Error('sbatch: job limit reached'));
    };
    await expect(submitJobs(command, '/run/slurm.sh', '/run/work', 3)).rejects.toThrow('job limit reached');
    expect(told.at(-1)).toBe('scancel 17');
  });
});
