// npm test: runs every kind of check, then prints a summary. "node .ci/test.mjs KIND [ARGUMENT ...]" runs one kind, or
// several ("all,interop": those of npm test, and interop). Kinds run side by side as far as the cores reach.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, getPriority, setPriority, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { ensureBuilt } from './build.mjs';
import { ensureInstalled, fail, nodeBinary, nodeEnvironment, nodeOptions, root, say } from './setup.mjs';
import { findSlurm } from './slurm-cluster.mjs';
import { chromiumVersion, electronVersion, findChromium, findElectron, findPackage } from './test-hosts.mjs';

ensureInstalled();
const node = nodeBinary();
const tool = (...parts) => path.join(root, 'node_modules', ...parts);
const vitest = [tool('vitest', 'vitest.mjs'), 'run', '--reporter=default', '--reporter=.ci/vitest-counter.mjs'];
/** Each project has its own folder of results: Playwright empties it at the start. */
const playwright = (project) => [
  ...[tool('@playwright', 'test', 'cli.js'), 'test', '--reporter=list,.ci/playwright-counter.mjs'],
  ...[`--project=${project}`, `--output=test-results/${project}`],
];
/** One checker: each of several would check anew what its files share. */
const typescript = (project) => [
  ...[tool('typescript-7', 'bin', 'tsc'), '--pretty', '--checkers', '1', '--project', project],
];
const cruiser = [tool('dependency-cruiser', 'bin', 'dependency-cruiser.mjs'), '--config', '.dependency-cruiser.js'];

/** Installs in a process of its own, which takes minutes on a fresh machine. */
const findInterop = async () => {
  const program = path.join(root, '.ci', 'interop-environment.mjs');
  const child = spawn(node, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (data) => (printed += data.toString('utf8')));
  const [status] = await once(child, 'close').catch((error) => [error.message]);
  return status === 0 ? JSON.parse(printed) : { broken: `${program} ended with ${String(status)}` };
};

/** Tests of the reference numbers; with ENGINE=torch those that the engine torch is held against. */
const reference = (names, torchFiles) => {
  const own = names.map((name) => `tests/reference/${name}.test.ts`);
  return process.env.ENGINE === 'torch' && torchFiles !== undefined
    ? { built: true, prepare: findInterop, steps: [[...vitest, '--project=interop', ...torchFiles]] }
    : { built: true, steps: [[...vitest, '--project=integration', ...own]] };
};

/** A browser and a cluster: {absent} without the cluster. */
const findBrowserAndCluster = () => {
  const slurm = findSlurm();
  if (!slurm.environment) return slurm;
  const { environment, broken } = findChromium();
  return broken ? { broken } : { environment: { ...environment, ...slurm.environment } };
};

/** Cores that flows use, one at a time: they wait for a page or for its engine, never for both at work. */
const FLOWS = 0.5;
/**
 * Kinds that use this many cores or more compute all the time, and take what others leave: flows and a cluster's jobs
 * go first, since each of their steps waits for the one before.
 */
const COMPUTES = 1;
/** Less than the 5 of a compute process (main/hosts/yield-to-others.ts): a test sees that it lowers its own. */
const LOWERED_BY = 4;
const LOWEST_PRIORITY = 19;

/**
 * `checks` pass or fail as a whole; other kinds are counted by test. `built` ones need dist/, and one that
 * `mayBeNone` has no tests where it finds none. `prepare` returns the host of the tests: {environment}, {broken} (why
 * they cannot run, a failure) or {absent} (why they do not run); with `ahead` it begins at once, beside other kinds.
 * `cores`: number of cores that a kind uses (default 2, as vitest's workers). Kinds with the same `shared` never run
 * side by side.
 */
const kinds = {
  types: { checks: true, cores: 1, steps: [typescript('tsconfig.json'), typescript('tsconfig.engine.json')] },
  lint: {
    checks: true,
    cores: 1,
    steps: [
      [tool('eslint', 'bin', 'eslint.js'), '--max-warnings=0', '.'],
      [tool('oxlint', 'bin', 'oxlint'), '--type-aware', '--deny-warnings', '.'],
    ],
  },
  format: {
    checks: true,
    cores: 1,
    steps: [[tool('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level=warn', '.']],
  },
  unused: { checks: true, cores: 1, steps: [[tool('knip', 'bin', 'knip.js'), '--no-progress']] },
  layers: { checks: true, cores: 1, steps: [[...cruiser, 'main', 'electron', 'renderer']] },
  unit: { steps: [[...vitest, '--project=unit']] },
  /** Unit tests nearest to what differs from the last commit; where nothing differs there are none. */
  changed: { steps: [[path.join('tests', 'changed.ts'), ...vitest, '--project=unit']], mayBeNone: true },
  integration: { built: true, steps: [[...vitest, '--project=integration']] },
  browser: { built: true, cores: FLOWS, prepare: findChromium, steps: [playwright('chromium')] },
  window: { built: true, named: true, cores: FLOWS, prepare: findElectron, steps: [playwright('electron')] },
  package: { built: true, named: true, cores: FLOWS, prepare: findPackage, steps: [playwright('package')] },
  slurm: { built: true, cores: 0.25, shared: 'slurm', prepare: findSlurm, steps: [[...vitest, '--project=slurm']] },
  cluster: {
    built: true,
    named: true,
    cores: FLOWS,
    shared: 'slurm',
    prepare: findBrowserAndCluster,
    steps: [playwright('cluster')],
  },
  interop: { built: true, prepare: findInterop, ahead: true, steps: [[...vitest, '--project=interop']] },
  methods: reference(['methods'], ['tests/reference/methods.test.ts']),
  checkpoints: reference(['checkpoints'], ['tests/interop/torch-references.test.ts']),
  tokenizers: reference(['tokenizers']),
  scoring: reference(['scoring'], ['tests/reference/scoring.test.ts']),
  generation: reference(['generation', 'generation-tasks'], ['tests/reference/generation.test.ts']),
};
const coresOf = (kind) => kinds[kind].cores ?? 2;
const checks = ['types', 'lint', 'format', 'unused', 'layers'];
/** Kinds that mostly wait begin first, and the others fill the cores beside them. */
const everyKind = ['slurm', 'browser', 'window', ...checks, 'unit', 'integration', 'cluster'];
/** Running kinds may use this many times the machine's cores: jobs and pages wait, and last test files run alone. */
const OVERBOOKED = 2;

/**
 * A hanging program fails after this time, and the summary is printed all the same; a busy machine never takes so long.
 */
const stepLimitMs = 3 * 60 * 60_000;
const reports = mkdtempSync(path.join(tmpdir(), 'uncurl-test-'));
process.on('exit', () => rmSync(reports, { recursive: true, force: true }));
/** Neither the user's settings nor the user's key: tests read and write their own. */
const settings = path.join(reports, 'user', 'settings.json');
/** Tests start hundreds of Node processes: each takes compiled sources from here, which halves its start. */
const compiled = path.join(reports, 'compiled');

const [named, ...extraArguments] = process.argv.slice(2);
const chosen = (named ?? 'all').split(',').flatMap((kind) => (kind === 'all' ? everyKind : [kind]));
const unknown = chosen.find((kind) => !kinds[kind]);
if (unknown !== undefined)
  fail(`There is no kind of test "${unknown}": choose from all, ${Object.keys(kinds).join(', ')}.`);

/**
 * Processor time in seconds of the programs that have ended, with their children; without the daemons of a cluster.
 * From Linux's /proc, which counts hundredths; 0 elsewhere.
 */
const processorSeconds = () => {
  if (process.platform !== 'linux') return 0;
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
};

const spentBy = new Map();
let counted = 0;
/** Counts what has been spent since the last call for a kind: called when a program of it has ended. */
const addProcessorTime = (kind) => {
  const all = processorSeconds();
  spentBy.set(kind, (spentBy.get(kind) ?? 0) + all - counted);
  counted = all;
};

/** Runs one program of a kind; returns its exit status. Of several kinds each line of output begins with its kind. */
const runProgram = async (kind, step, env) => {
  const isAlone = chosen.length === 1;
  const child = spawn(node, [...nodeOptions, ...step], {
    cwd: root,
    env,
    stdio: isAlone ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    timeout: stepLimitMs,
  });
  if (!isAlone && coresOf(kind) >= COMPUTES && child.pid !== undefined)
    setPriority(child.pid, Math.min(getPriority() + LOWERED_BY, LOWEST_PRIORITY));
  child.once('exit', () => addProcessorTime(kind));
  for (const name of isAlone ? [] : ['stdout', 'stderr'])
    createInterface({ input: child[name] }).on('line', (line) => process[name].write(`${kind}: ${line}\n`));
  const [status] = await once(child, 'close').catch((error) => {
    say(`${kind}: ${error.message}`);
    return [1];
  });
  return status ?? 1;
};

/** Runs one program of a kind; returns its exit status and the tests that it reported. */
const runStep = async (kind, step, environment, stepArguments) => {
  const report = path.join(reports, `${kind}.json`);
  rmSync(report, { force: true });
  const env = {
    ...nodeEnvironment(node),
    ...environment,
    NODE_COMPILE_CACHE: compiled,
    UNCURL_TEST_REPORT: report,
    UNCURL_SETTINGS: settings,
  };
  const status = await runProgram(kind, [...step, ...stepArguments], env);
  try {
    return { status, tests: JSON.parse(readFileSync(report, 'utf8')) };
  } catch (error) {
    if (error.code === 'ENOENT') return { status, tests: [] };
    throw error;
  }
};

const failedTest = (name) => ({ name, state: 'failed', reason: null });

const prepared = new Map();
/** The host of a kind's tests, found once. */
const hostOf = (kind) => {
  const prepare = async () => {
    const host = (await kinds[kind].prepare?.()) ?? {};
    addProcessorTime(kind);
    return host;
  };
  const found = prepared.get(kind) ?? prepare();
  prepared.set(kind, found);
  return found;
};

/** The results of a kind: its tests (a check counts as one), and why it did not run if it did not. */
const runKind = async (kind) => {
  const { checks, steps, built } = kinds[kind];
  let buildFailure = null;
  if (built) ensureBuilt((message) => (buildFailure = message));
  const host = buildFailure ? { broken: buildFailure } : await hostOf(kind);
  if (host.broken) return { tests: [failedTest(`${kind} tests cannot run: ${host.broken}`)] };
  if (host.absent && !kinds[kind].named)
    return { notRun: host.absent, tests: [{ name: `${kind} tests`, state: 'skipped', reason: host.absent }] };
  // Playwright lists the tests of a project without starting anything.
  const asked = host.absent ? ['--list', ...extraArguments] : extraArguments;
  const results = [];
  for (const step of steps) results.push(await runStep(kind, step, host.environment, asked));
  const endedWell = results.every(({ status }) => status === 0);
  if (checks) return { tests: [{ name: kind, state: endedWell ? 'passed' : 'failed', reason: null }] };
  const tests = results.flatMap((result) => result.tests);
  if (tests.length === 0 && kinds[kind].mayBeNone && endedWell) return { tests };
  if (tests.length === 0) return { tests: [failedTest(`${kind}: no test ran`)] };
  if (host.absent) {
    return { notRun: host.absent, tests: tests.map(({ name }) => ({ name, state: 'skipped', reason: host.absent })) };
  }
  const silent = tests.filter(({ state, reason }) => state === 'skipped' && !reason);
  const failures = silent.map(({ name }) => failedTest(`${name} was skipped without a reason`));
  if (!endedWell && !tests.some(({ state }) => state === 'failed')) failures.push(failedTest(`${kind}: failed`));
  return { tests: [...tests.filter((test) => !silent.includes(test)), ...failures] };
};

/** Number of lines of a failure's reason in the summary, so that the end of a long output shows it. */
const reasonLines = 6;

const count = (tests, state) => tests.filter((test) => test.state === state).length;

const countsOf = (tests) => {
  const skipped = count(tests, 'skipped');
  return (
    `${count(tests, 'passed')} passed, ${count(tests, 'failed')} ` +
    `failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  );
};

const summaryOf = (kind, { tests, notRun, seconds }) => {
  if (notRun) return `${kind}: not run: ${notRun}`;
  const outcome = kinds[kind].checks ? (count(tests, 'failed') > 0 ? 'FAILED' : 'ok') : countsOf(tests);
  const spent =
    spentBy.has(kind) && process.platform === 'linux' ? `, ${Math.round(spentBy.get(kind))} s of processor` : '';
  return `${kind}: ${outcome} (${seconds} s${spent})`;
};

const measureKind = async (kind) => {
  say(chosen.length === 1 ? `\n== ${kind} ==` : `== ${kind} begins ==`);
  const startedMs = Date.now();
  const result = await runKind(kind);
  const timed = { kind, ...result, seconds: Math.round((Date.now() - startedMs) / 1000) };
  if (chosen.length > 1) say(`== ${summaryOf(kind, timed)} ==`);
  return timed;
};

/** Runs the kinds in order, each as soon as enough cores are free and no running kind shares what it needs. */
const runSideBySide = async () => {
  const cores = OVERBOOKED * availableParallelism();
  const waiting = [...chosen];
  const running = new Map();
  const results = new Map();
  const fits = (kind) => {
    const others = [...running.keys()];
    const used = others.reduce((sum, other) => sum + coresOf(other), 0);
    const { shared } = kinds[kind];
    const isShared = shared !== undefined && others.some((other) => kinds[other].shared === shared);
    return !isShared && (running.size === 0 || used + coresOf(kind) <= cores);
  };
  while (waiting.length + running.size > 0) {
    for (let next; (next = waiting.find(fits)) !== undefined;) {
      waiting.splice(waiting.indexOf(next), 1);
      const kind = next;
      running.set(
        kind,
        measureKind(kind).then((result) => results.set(kind, result) && kind),
      );
    }
    // After the first kinds have begun, since two programs cannot install system packages at once.
    for (const kind of waiting.filter((each) => kinds[each].ahead)) void hostOf(kind);
    running.delete(await Promise.race(running.values()));
  }
  return chosen.map((kind) => results.get(kind));
};

const beganMs = Date.now();
const results = await runSideBySide();
const tests = results.flatMap((result) => result.tests);
const print = (line) => process.stdout.write(`${line}\n`);
print('\n== summary ==');
for (const result of results) print(summaryOf(result.kind, result));
for (const { name, reason } of tests.filter(({ state }) => state === 'skipped')) print(`not run: ${name}: ${reason}`);
for (const { name, reason } of tests.filter(({ state }) => state === 'failed')) {
  print(`failed: ${name}`);
  const why = stripVTControlCharacters(reason ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  for (const line of why.slice(0, reasonLines)) print(`  ${line}`);
}
if (chosen.includes('browser') || chosen.includes('cluster')) print(`Chromium: ${chromiumVersion()}`);
if (chosen.includes('window') || chosen.includes('package')) print(`Electron: ${electronVersion()}`);
if (process.platform === 'linux') {
  const [spent, passed] = [processorSeconds(), (Date.now() - beganMs) / 1000];
  const share = Math.round((100 * spent) / (passed * availableParallelism()));
  print(`Processor: ${Math.round(spent)} s in ${Math.round(passed)} s, ${share} % of ${availableParallelism()} cores`);
}
print(`Node: ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()}`);
print(countsOf(tests));
process.exitCode = count(tests, 'failed') > 0 || count(tests, 'passed') === 0 ? 1 : 0;
