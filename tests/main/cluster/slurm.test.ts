import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { commandsOn, type RunCommand } from '../../../main/cluster/run-command.ts';
import {
  cancelJobs,
  followJobs,
  readJobLines,
  readNodes,
  readQueue,
  readTasks,
  requireOneKind,
  slurmScript,
  submitJobs,
} from '../../../main/cluster/slurm.ts';
import { clusterTasks } from '../../../main/cluster/cluster-tasks.ts';
import { clusterRequest, type ClusterRequest, hasFailed, isActive } from '../../../main/contract/cluster.ts';
import { taskText } from '../../../main/words/cluster.ts';
import { shellWord } from '../../../main/words/equivalent-command.ts';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

// Answers of Slurm 24.11 about an array of three tasks and a joining job.
const QUEUE = JSON.stringify({
  jobs: [
    {
      job_id: 3,
      name: 'a',
      array_job_id: { set: true, infinite: false, number: 1 },
      array_task_id: { set: true, infinite: false, number: 1 },
      job_state: ['RUNNING'],
      state_reason: 'None',
      nodes: 'vm',
      standard_output: '/logs/worker-1-1.log',
    },
    {
      job_id: 2,
      name: 'a',
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

  it('is polled until nothing runs any more, and keeps ended tasks that Slurm forgets', async () => {
    const looks = [LINES, '', LINES];
    const command = (program: string, args: readonly string[]): Promise<string> =>
      Promise.resolve(
        program === 'squeue' ? (looks.length > 1 ? QUEUE : '{"jobs":[]}') : args.includes('1') ? (looks[0] ?? '') : '',
      );
    expect(await readTasks(command, { run: 'a', array: 1, join: 2 })).toHaveLength(4);
    const seen: (readonly string[])[] = [];
    await followJobs(
      command,
      { run: 'a', array: 1, join: 2 },
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

  it('is read from the JSON of older versions, which lists all users and has bare numbers', async () => {
    const job = (job_id: number, array_job_id: number, array_task_id: number | null) => ({
      job_id,
      name: 'a',
      array_job_id,
      array_task_id,
      job_state: 'RUNNING',
      state_reason: 'None',
      nodes: 'n1',
      standard_output: '/l',
    });
    const old = JSON.stringify({ jobs: [job(1, 1, 1), job(2, 0, null), job(9, 9, 1), job(7, 0, null)] });
    const command: RunCommand = (program) => Promise.resolve(program === 'squeue' ? old : '');
    const tasks = await readTasks(command, { run: 'a', array: 1, join: 2 });
    expect(tasks.map(taskText)).toEqual(['task 1 on n1: RUNNING', 'joining job on n1: RUNNING']);
  });

  it('is read without a squeue that knows JSON', async () => {
    const complaints = ["squeue: unrecognized option '--json'", 'squeue: fatal: JSON support is not compiled in'];
    for (const complaint of complaints) {
      const command: RunCommand = (program, args) =>
        program === 'squeue'
          ? Promise.reject(failure(`squeue ended with 1: ${complaint}`))
          : Promise.resolve(args.includes('1') ? LINES : '');
      expect(await readTasks(command, { run: 'a', array: 1, join: 2 })).toHaveLength(3);
    }
  });

  it('has ended only when it has completed', () => {
    const jobs = [
      {
        ...z.object({ jobs: z.array(z.looseObject({})) }).parse(JSON.parse(QUEUE)).jobs[0],
        job_state: ['FAILED', 'COMPLETING'],
      },
    ];
    expect(readQueue(JSON.stringify({ jobs })).map(({ state }) => state)).toEqual(['COMPLETING']);
  });

  it('has logs whose paths contain spaces', () => {
    const line =
      'JobId=4 ArrayJobId=1 ArrayTaskId=2 JobState=FAILED ExitCode=1:0 NodeList=vm StdErr=/my work/worker-1-2.log ' +
      'StdIn=/dev/null StdOut=/my work/worker-1-2.log ';
    for (const end of ['', 'Power= TresPerTask=cpu=1', 'MailUser=me MailType=NONE'])
      expect(readJobLines(line + end).map(({ log }) => log)).toEqual(['/my work/worker-1-2.log']);
  });

  it('is reported task by task: each task of a waiting array waits, and each has its number of finished parts', () => {
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

const failure = (message: string, code = 'cluster-command-failed'): WorkbenchError =>
  new WorkbenchError(code, 'failed', message, 'Look.');

describe('both jobs', () => {
  it('are submitted, or neither: an array whose joining job is refused is cancelled', async () => {
    const asked: (readonly string[])[] = [];
    const refusing: RunCommand = (program, args) => {
      asked.push([program, ...args]);
      if (args.at(-1) === 'join') return Promise.reject(failure('Job violates accounting/QOS policy'));
      return Promise.resolve('7;cluster\n');
    };
    await expect(submitJobs(refusing, 'sweep-1', '/100 %/slurm.sh', '/100 %/logs', 2)).rejects.toThrow('QOS policy');
    expect(asked.at(-1)).toEqual(['scancel', '7']);
    // Both have the run's name, whatever the environment says.
    for (const call of asked.slice(0, 2)) expect(call).toContain('--job-name=sweep-1');
    // A per cent sign is not a pattern of sbatch.
    expect(asked[0]).toContain('--output=/100 %%/logs/worker-%A-%a.log');
    expect(asked[1]).toContain('--output=/100 %%/logs/join-%j.log');
    const dead: RunCommand = (program, args) =>
      program === 'scancel' ? Promise.reject(failure('no answer')) : refusing(program, args);
    await expect(submitJobs(dead, 'sweep-1', 's', '/l', 2)).rejects.toMatchObject({
      code: 'cluster-array-left',
      message: expect.stringContaining('QOS policy'),
      remedy: expect.stringContaining('scancel 7'),
    });
  });

  /** A Slurm that knows these jobs, by number and name; cancelled ones are added to the list. */
  const slurmWith =
    (jobs: Readonly<Record<string, string>>, cancelled: string[]): RunCommand =>
    (program, args) => {
      const job = args.at(-1) ?? '';
      if (program === 'scancel') {
        cancelled.push(job);
        return Promise.resolve('');
      }
      if (program === 'squeue') return Promise.resolve('{"jobs":[]}');
      return jobs[job] === undefined
        ? Promise.reject(failure('slurm_load_jobs error: Invalid job id specified'))
        : Promise.resolve(`JobId=${job} JobName=${jobs[job]} JobState=RUNNING NodeList=n1`);
    };
  const both = { run: 'sweep-1', array: 7, join: 8 };

  it('are cancelled independently: one that Slurm has forgotten does not keep the other alive', async () => {
    const cancelled: string[] = [];
    await cancelJobs(slurmWith({ 8: 'sweep-1' }, cancelled), both);
    expect(cancelled).toEqual(['8']);
    await cancelJobs(slurmWith({ 7: 'sweep-1', 8: 'sweep-1' }, cancelled), both);
    expect(cancelled).toEqual(['8', '8', '7']);
    await expect(cancelJobs(() => Promise.reject(failure('Access/permission denied')), both)).rejects.toThrow(
      'permission denied',
    );
  });

  it('are not cancelled where Slurm has reused a number for a job of another name', async () => {
    const cancelled: string[] = [];
    await expect(cancelJobs(slurmWith({ 7: 'thesis', 8: 'thesis' }, cancelled), both)).rejects.toMatchObject({
      code: 'another-job',
      kind: 'refused',
      message: expect.stringContaining('thesis'),
    });
    await expect(cancelJobs(slurmWith({ 7: 'sweep-10' }, cancelled), both)).rejects.toMatchObject({
      code: 'another-job',
    });
    expect(cancelled).toEqual([]);
    await cancelJobs(slurmWith({ 7: 'thesis', 8: 'sweep-1' }, cancelled), both);
    expect(cancelled).toEqual(['8']);
    expect(await readTasks(slurmWith({ 7: 'thesis', 8: 'sweep-1' }, []), both)).toMatchObject([{ job: 8 }]);
  });

  it('are polled again when a poll fails after a successful one, and when ssh cannot reach its host', async () => {
    const follow = (looks: readonly (WorkbenchError | string)[]) => {
      const left = [...looks];
      const seen: (number | null)[] = [];
      const command: RunCommand = (program, args) => {
        const [look] = left;
        if (look instanceof WorkbenchError) return Promise.reject(look);
        return Promise.resolve(program === 'squeue' ? '{"jobs":[]}' : args.includes('1') ? (look ?? '') : '');
      };
      return followJobs(
        command,
        { run: 'a', array: 1, join: 2 },
        {
          signal: new AbortController().signal,
          seen: (tasks) => {
            seen.push(tasks?.length ?? null);
            return Promise.resolve();
          },
          pause: () => {
            left.shift();
            return Promise.resolve();
          },
        },
      ).then(() => seen);
    };
    const running = 'JobId=1 ArrayJobId=1 ArrayTaskId=1 JobName=a JobState=RUNNING NodeList=vm';
    const ended = 'JobId=1 ArrayJobId=1 ArrayTaskId=1 JobName=a JobState=COMPLETED NodeList=vm ExitCode=0:0';
    const noName = failure('scontrol ended with 255: Could not resolve hostname login', 'cluster-unreachable');
    expect(await follow([noName, running, noName, failure('something else'), ended])).toEqual([null, 1, null, null, 1]);
    // No poll ever succeeded: the trouble is not temporary.
    await expect(follow([failure('Access/permission denied'), running])).rejects.toThrow('permission denied');
  });
});

describe('commands over ssh', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('distinguish an unreachable host from a command that failed there, and never ask for a password', async () => {
    const folder = await temporaryFolder();
    // A fake ssh: prints its arguments, and ends as the host's name says.
    await writeFile(
      join(folder, 'ssh'),
      '#!/bin/sh\necho "$@" >&2\nfor word; do [ "$word" = -- ] && break; host=$word; done\nexit "${host#ends-}"\n',
    );
    await chmod(join(folder, 'ssh'), 0o755);
    vi.stubEnv('PATH', `${folder}:${process.env['PATH'] ?? ''}`);
    await expect(commandsOn('ends-255')('sinfo', ['-h'])).rejects.toMatchObject({
      code: 'cluster-unreachable',
      message: expect.stringMatching(/^sinfo ended with 255: -o BatchMode=yes .* ends-255 -- sinfo -h$/),
    });
    await expect(commandsOn('ends-1')('sinfo', [])).rejects.toMatchObject({ code: 'cluster-command-failed' });
    expect(await commandsOn('ends-0')('sinfo', [])).toBe('');
  });

  it('is not asked where SLURM_CONF names no file, for which its programs would look for a minute', async () => {
    const missing = join(await temporaryFolder(), 'slurm.conf');
    vi.stubEnv('SLURM_CONF', missing);
    await expect(commandsOn(null)('true', [])).rejects.toMatchObject({
      code: 'no-slurm',
      message: `SLURM_CONF names ${missing}, which is no readable file here.`,
    });
    await writeFile(missing, '');
    expect(await commandsOn(null)('true', [])).toBe('');
  });
});

describe('the request of a user to a cluster', () => {
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
  const nodes = readNodes(
    'n1|avx512|gpu:a100:4(S:0-1)|a\nn2|avx512|gpu:a100:8(S:0)|a\nn3|avx2|gpu:v100:2|a\nn1|avx512|x|b*',
    'a,b',
  );

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

  it('is accepted where one kind is named or all nodes are alike', () => {
    requireOneKind(nodes, { ...request, gres: 'gpu:1', constraint: 'avx512' });
    requireOneKind(nodes.slice(0, 2), { ...request, gres: 'gpu:1' });
    requireOneKind(readNodes('vm|(null)|(null)|main*\n', null), { ...request, gres: null });
  });

  it('is detected among the nodes of the default partition where none is named', () => {
    const cluster = readNodes('n1|avx512|(null)|cpu*\nn2|avx512|(null)|cpu*\nn3|avx2|gpu:v100:2|gpu\n', null);
    expect(cluster.map(({ name }) => name)).toEqual(['n1', 'n2']);
    requireOneKind(cluster, { ...request, partition: null, gres: null });
  });

  it('ignores nodes that have another kind of GPU than the named one', () => {
    const both = readNodes('n1|avx512|gpu:a100:4|a\nn2|avx2|gpu:v100:4|a\nn3|avx2|(null)|a', 'a');
    requireOneKind(both, { ...request, gres: 'gpu:a100:1' });
    requireOneKind(both, { ...request, gres: 'gpu:v100' });
    expect(() => requireOneKind(both, { ...request, gres: 'gpu:1' })).toThrow(
      'n1 (avx512 gpu:a100); n2 (avx2 gpu:v100)',
    );
  });

  it('is refused where a named kind of GPU sits in nodes of different features', () => {
    const mixed = readNodes('n1|avx512|gpu:a100:4|a\nn2|avx2|gpu:a100:4|a', 'a');
    expect(() => requireOneKind(mixed, request)).toThrow('n1 (avx512); n2 (avx2)');
  });
});

describe('the batch script', () => {
  const order = { run: 'r', workspace: '/w', uncurl: 'echo', code: '0f', memoryShare: 0.6 };

  it('explains itself, and contains every requested option and line', () => {
    expect(
      slurmScript(
        { run: 'sweep-1', workspace: '/shared/my work', uncurl: 'node uncurl.ts', code: '0f', memoryShare: 0.6 },
        request,
      ),
    ).toBe(
      [
        '#!/bin/bash',
        '# Works on the sweep sweep-1: "work" fills its steps, one task of the array each; "join" makes the run of ' +
          'them.',
        '#SBATCH --job-name=sweep-1',
        '#SBATCH --partition=main',
        '#SBATCH --gres=gpu:a100:1',
        '#SBATCH --time=01:00:00',
        '#SBATCH --cpus-per-task=2',
        'set -eo pipefail',
        'module load nodejs',
        'case "$1" in',
        "  work) exec node uncurl.ts work sweep-1 --until-empty --workspace '/shared/my work' --confirm 0f --threads 2 ;;",
        "  join) exec node uncurl.ts resume sweep-1 --workspace '/shared/my work' --confirm 0f --threads 2 ;;",
        'esac',
        '',
      ].join('\n'),
    );
  });

  it('keeps weights within the requested memory, which is less than that of the node', () => {
    const rest = (memory: string | null) =>
      /--threads 2(.*) ;;/.exec(
        slurmScript({ ...order, uncurl: 'uncurl', memoryShare: 0.5 }, { ...request, memory }),
      )?.[1];
    expect(rest('64G')).toBe(' --memory 34.4');
    expect(rest('512')).toBe(' --memory 0.268');
    expect(rest('2t')).toBe(' --memory 1100');
    for (const none of [null, '0', 'all']) expect(rest(none)).toBe('');
  });

  it('lets lines of setup read names that are not set, as those of many clusters do', () => {
    const setup = ['[ -z "$NOT_SET_ANYWHERE" ] && echo prepared'];
    const script = slurmScript(order, { ...request, processors: null, setup });
    const { stdout, status } = spawnSync('bash', ['-c', script, 'slurm.sh', 'work'], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, 'prepared\nwork r --until-empty --workspace /w --confirm 0f\n']);
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
