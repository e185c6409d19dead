// The Slurm to which tests submit: a cluster of one node from Debian's packages, run only during the tests.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomBytes } from 'node:crypto';
import { missingPackages } from './system-packages.mjs';

/** The last is for tests that submit over ssh. */
const packages = ['slurm-wlm', 'munge', 'openssh-server'];
/** CPUs that the node claims, whatever the machine has, so that tasks of an array run in parallel. */
const PROCESSORS = 4;
/** A busy machine answers late; a vanished controller is noticed after this time. */
const MESSAGE_TIMEOUT_S = 15;
/** Tasks of a failed node wait this long before they run again; if started later, the node refuses a task. */
const CREDENTIAL_S = 15;
const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 30_000;

const run = (folder, program, ...programArguments) => {
  const env = { ...process.env, SLURM_CONF: path.join(folder, 'slurm.conf') };
  const { status, stdout, stderr } = spawnSync(program, programArguments, { encoding: 'utf8', env });
  return { ok: status === 0, text: `${stdout ?? ''}${stderr ?? ''}`.trim() };
};

const freePorts = (count) => {
  const script = `
    const { createServer } = require('node:net');
    const servers = Array.from({ length: ${String(count)} }, () => createServer().listen(0, '127.0.0.1'));
    const listening = servers.map((server) => new Promise((resolve) => server.once('listening', resolve)));
    Promise.all(listening).then(() => {
      console.log(servers.map((server) => server.address().port).join(' '));
      servers.forEach((server) => server.close());
    });`;
  return spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout.trim().split(' ');
};

const configuration = (folder) => {
  const [node] = hostname().split('.');
  const [controllerPort, nodePort] = freePorts(2);
  const settings = {
    ClusterName: 'test',
    SlurmctldHost: `${node}(127.0.0.1)`,
    SlurmctldPort: controllerPort,
    SlurmdPort: nodePort,
    SlurmUser: 'root',
    SlurmdUser: 'root',
    AuthType: 'auth/munge',
    CredType: 'cred/munge',
    AuthInfo: `socket=${path.join(folder, 'munge.socket')},cred_expire=${String(CREDENTIAL_S)}`,
    MessageTimeout: String(MESSAGE_TIMEOUT_S),
    ProctrackType: 'proctrack/pgid',
    TaskPlugin: 'task/none',
    SelectType: 'select/cons_tres',
    SelectTypeParameters: 'CR_CPU',
    SlurmdParameters: 'config_overrides',
    JobAcctGatherType: 'jobacct_gather/none',
    AccountingStorageType: 'accounting_storage/none',
    MpiDefault: 'none',
    MailProg: '/bin/true',
    ReturnToService: '2',
    SchedulerParameters: 'sched_interval=1,batch_sched_delay=0',
    StateSaveLocation: path.join(folder, 'state'),
    SlurmdSpoolDir: path.join(folder, 'spool'),
    SlurmctldPidFile: path.join(folder, 'slurmctld.pid'),
    SlurmdPidFile: path.join(folder, 'slurmd.pid'),
    SlurmctldLogFile: path.join(folder, 'slurmctld.log'),
    SlurmdLogFile: path.join(folder, 'slurmd.log'),
  };
  return [
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    `NodeName=${node} NodeAddr=127.0.0.1 CPUs=${String(PROCESSORS)} RealMemory=1000 State=UNKNOWN`,
    'PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP',
    '',
  ].join('\n');
};

/** Starts the daemons in a folder; returns null, or what went wrong. */
const startCluster = (folder) => {
  for (const name of ['state', 'spool']) mkdirSync(path.join(folder, name), { recursive: true });
  writeFileSync(path.join(folder, 'slurm.conf'), configuration(folder));
  writeFileSync(path.join(folder, 'cgroup.conf'), 'CgroupPlugin=disabled\n');
  writeFileSync(path.join(folder, 'munge.key'), randomBytes(1024), { mode: 0o600 });
  const munge = { 'key-file': 'munge.key', socket: 'munge.socket', 'pid-file': 'munged.pid', 'log-file': 'munged.log' };
  const paths = Object.entries(munge).map(([option, name]) => `--${option}=${path.join(folder, name)}`);
  // Everybody can write to temporary folders, which munged refuses unless it is forced.
  const daemons = [
    ['munged', ...paths, `--seed-file=${path.join(folder, 'munge.seed')}`, '--force'],
    ['slurmctld', '-c'],
    ['slurmd', '-c'],
  ];
  for (const daemon of daemons) {
    const { ok, text } = run(folder, ...daemon);
    if (!ok) return `${daemon[0]}: ${text}`;
  }
  const giveUpAt = Date.now() + START_LIMIT_MS;
  while (run(folder, 'sinfo', '-h', '-o', '%t').text !== 'idle') {
    if (Date.now() > giveUpAt) return readFileSync(path.join(folder, 'slurmctld.log'), 'utf8').slice(-2000);
    spawnSync('sleep', ['0.1']);
  }
  return null;
};

/** Whether a process still runs: without an init that reaps orphans (in a container), ended ones stay as zombies. */
const isAlive = (pid) => {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return false;
    throw error;
  }
};

/** Cancels remaining jobs and ends the daemons, which write into the folder until they have gone. */
const stopCluster = (folder) => {
  const pidOf = (daemon) => {
    const file = path.join(folder, `${daemon}.pid`);
    return existsSync(file) ? [Number(readFileSync(file, 'utf8'))] : [];
  };
  // Without a controller, cancelling would wait for minutes.
  if (pidOf('slurmctld').some(isAlive)) {
    run(folder, 'scancel', '--user=root', '--signal=KILL', '--full');
    run(folder, 'scancel', '--user=root');
    const waitUntil = Date.now() + STOP_LIMIT_MS;
    while (run(folder, 'squeue', '-h').text !== '' && Date.now() < waitUntil) spawnSync('sleep', ['0.1']);
  }
  const daemons = ['slurmd', 'slurmctld', 'munged'].flatMap(pidOf);
  for (const pid of daemons.filter(isAlive)) process.kill(pid);
  const killAt = Date.now() + STOP_LIMIT_MS;
  while (daemons.some(isAlive) && Date.now() < killAt + STOP_LIMIT_MS) {
    if (Date.now() > killAt) for (const pid of daemons.filter(isAlive)) process.kill(pid, 'SIGKILL');
    spawnSync('sleep', ['0.1']);
  }
};

const startOrFind = () => {
  if (process.env.SLURM_CONF) return { environment: {} };
  if (process.platform !== 'linux' || process.getuid() !== 0 || !existsSync('/etc/debian_version'))
    return { absent: 'a cluster can only be started on Debian as root; SLURM_CONF may name another one' };
  const missing = missingPackages(packages);
  if (missing !== null) return { absent: missing };
  const folder = mkdtempSync(path.join(tmpdir(), 'uncurl-slurm-'));
  process.on('exit', () => {
    stopCluster(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  const failure = startCluster(folder);
  if (failure !== null) return { absent: `a Slurm of this machine's packages did not start: ${failure}` };
  return { environment: { SLURM_CONF: path.join(folder, 'slurm.conf'), UNCURL_SLURM_FOLDER: folder } };
};

let found = null;
/**
 * {environment} that names a cluster (that of SLURM_CONF if set; its daemons and jobs are not killed or held unless
 * UNCURL_SLURM_FOLDER says that it is for tests), or {absent}: why there is none here, which is not a failure. Several
 * kinds of tests share one.
 */
export const findSlurm = () => (found ??= startOrFind());

// "node .ci/slurm-cluster.mjs COMMAND ...": runs a command beside a cluster.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { environment, absent } = findSlurm();
  if (absent !== undefined) {
    process.stderr.write(`There is no cluster: ${absent}.\n`);
    process.exit(1);
  }
  const [program, ...programArguments] = process.argv.slice(2);
  const env = { ...process.env, ...environment };
  process.exitCode = spawnSync(program, programArguments, { stdio: 'inherit', env }).status ?? 1;
}
