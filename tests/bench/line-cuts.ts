/**
 * Cuts the line of `uncurl connect` at random moments while a sweep runs on the other side, and looks what is lost.
 *
 * Method: a real sshd on loopback behind a line that can be cut (tests/integration/loopback-sshd.ts). Half of the cuts
 * end the connections, half kill the server and start it again; half wait until the line is back, the others fall into
 * its opening. All the while every process's command line and environment are searched for the token. In the end: the
 * line is back at the same address, one engine runs, the sweep has the values of the same sweep without cuts, logs hold
 * no token, and after `--stop` nothing is left. Prints figures; exits with 1 where one of
 * these does not hold. Usage: npx node tests/bench/line-cuts.ts [CUTS] [SEED]
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { seededRandom } from '../../main/statistics/random.ts';
import { endProcessesOf, loopbackSshd, processLines } from '../integration/loopback-sshd.ts';
import { openServedEngine } from '../main/hosts/served-page.ts';

const CUTS = Number(process.argv[2] ?? 30);
const random = seededRandom(Number(process.argv[3] ?? 0));
const MOST_WAIT_MS = 4_000;
const SWEEP = { methods: ['frequency', 'reap', 'uncurl'] as const, factors: [2, 4, 8], limit: 200 };

const command = path.resolve(import.meta.dirname, '..', '..', 'main', 'cli', 'uncurl.ts');
const folder = await mkdtemp(path.join(os.tmpdir(), 'uncurl-line-cuts-'));
const [state, workspace] = [path.join(folder, 'there'), path.join(folder, 'workspace')];
await mkdir(state);
const settings = path.join(state, 'settings.json');
const sshd = await loopbackSshd(path.join(folder, 'ssh'));
await sshd.start();

const remote = `env UNCURL_SETTINGS=${settings} ${process.execPath} ${command}`;
const words = ['--ssh-config', sshd.configuration, '--remote-command', remote, '--workspace', workspace];
const start = (given: readonly string[], environment: NodeJS.ProcessEnv = {}) => {
  const child = spawn(process.execPath, [command, ...given], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const printed = { out: '', said: '' };
  child.stdout.on('data', (data: Buffer) => (printed.out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (printed.said += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, printed, ended };
};
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await delay(100);
};

/** Processes that show the token, and how often all were looked at. */
const shown = new Set<string>();
let looks = 0;
const watch = async (token: string, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    for (const { pid, words: line } of await processLines()) {
      const environment = await readFile(`/proc/${String(pid)}/environ`, 'utf8').catch(() => '');
      if ([...line, environment].some((text) => text.includes(token))) shown.add(line.join(' '));
    }
    looks += 1;
    await delay(50);
  }
};

const measured = z.object({
  results: z.array(
    z.object({ model: z.string(), task: z.string(), method: z.string(), factor: z.number(), value: z.number() }),
  ),
});
const valuesOf = async (run: string, ofWorkspace: string): Promise<readonly unknown[]> => {
  const text = await readFile(path.join(ofWorkspace, 'runs', run, 'results.json'), 'utf8');
  return measured
    .parse(JSON.parse(text))
    .results.map((point) => JSON.stringify(point))
    .sort();
};

const problems: string[] = [];
const holds = (what: string, is: boolean): void => {
  console.log(`${is ? 'holds' : 'DOES NOT HOLD'}: ${what}`);
  if (!is) problems.push(what);
};

try {
  const line = start(['connect', 'there', ...words]);
  await until(() => line.printed.out.includes('is at http') || line.child.exitCode !== null);
  const url = /http:\S+/.exec(line.printed.out)?.[0] ?? '';
  const token = new URL(url).searchParams.get('token') ?? '';
  const page = await openServedEngine(url);
  const model = (await page.call('models.list', {})).filter(({ name }) => name === 'uncurl-16');
  const tasks = (await page.call('tasks.list', {})).filter(({ name }) => ['sort', 'french'].includes(name));
  const { run } = await page.call('sweep.start', {
    models: model.map(({ handle }) => handle),
    tasks: tasks.map(({ handle }) => handle),
    settings: { ...SWEEP, methods: [...SWEEP.methods] },
  });
  const watching = new AbortController();
  const watched = watch(token, watching.signal);
  const began = Date.now();
  const answers = (): Promise<boolean> =>
    fetch(url)
      .then(({ ok }) => ok)
      .catch(() => false);
  for (let cut = 0; cut < CUTS; cut += 1) {
    if (random.float() < 0.5) await until(answers);
    await delay(random.float() * MOST_WAIT_MS);
    if (random.float() < 0.5) sshd.drop();
    else {
      await sshd.cut();
      await sshd.start();
    }
  }
  const lastCut = Date.now();
  await until(answers);
  console.log(
    `${String(CUTS)} cuts in ${String(Math.round((lastCut - began) / 1_000))} s, ` +
      `back ${String(Date.now() - lastCut)} ms after the last`,
  );
  const again = await openServedEngine(url);
  const stateOf = async (): Promise<string> =>
    (await again.call('runs.list', {})).find(({ id }) => id === run)?.state ?? 'lost';
  await until(async () => !['queued', 'running'].includes(await stateOf()));
  holds('the line is open and the run is done', line.child.exitCode === null && (await stateOf()) === 'done');
  holds('the engine was never started again', !line.printed.said.includes('started again'));
  const engines = (await processLines()).filter(
    (each) => each.words.includes('serve') && each.words.includes(workspace),
  );
  holds('one engine and its supervisor run', engines.length === 2);
  line.child.kill('SIGINT');
  await line.ended;
  watching.abort();
  await watched;
  holds(`no process showed the token (${String(looks)} looks)`, shown.size === 0);
  const files = (await readdir(path.join(state, 'uncurl-state'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => readFile(path.join(entry.parentPath, entry.name), 'latin1'));
  const texts = await Promise.all(files);
  holds(
    'no file of the engine there and no message here holds it',
    ![...texts, line.printed.said].some((text) => text.includes(token)),
  );
  const stopped = start(['connect', 'there', '--stop', ...words]);
  await stopped.ended;
  await sshd.cut();
  const left = (await processLines()).filter((each) => each.words.some((word) => word.includes(folder)));
  holds('nothing is left running after --stop', left.length === 0);

  const other = path.join(folder, 'uncut');
  const uncut = start(
    [
      ...['sweep', 'uncurl-16', '--task', 'sort', 'french', '--method', ...SWEEP.methods],
      ...['--factors', SWEEP.factors.join(','), '--limit', String(SWEEP.limit), '--json', '--workspace', other],
    ],
    { UNCURL_SETTINGS: settings },
  );
  await uncut.ended;
  const { run: ofUncut } = z.object({ run: z.string() }).parse(JSON.parse(uncut.printed.out));
  const [values, expected] = await Promise.all([valuesOf(run, workspace), valuesOf(ofUncut, other)]);
  holds(`all ${String(expected.length)} points are those of a sweep without cuts`, isDeepStrictEqual(values, expected));
  console.log(
    `said of cuts: ${String(line.printed.said.match(/is cut;/g)?.length ?? 0)}, ` +
      `of returns: ${String(line.printed.said.match(/is back/g)?.length ?? 0)}`,
  );
} finally {
  await sshd.cut();
  await endProcessesOf(folder);
  await rm(folder, { recursive: true, force: true });
}
process.exitCode = problems.length === 0 ? 0 : 1;
